"""Distributions."""

from __future__ import annotations

from typing import Any

from headbox.models import Distribution
from headbox.services import distribution as distributions
from headbox.services.distribution import Source
from headbox.tasking.engine import Engine


async def make_distribution(
    engine: Engine, base_path: str, source: Source = None, *, name: str | None = None
) -> Distribution:
    """Create a distribution."""
    async with engine.unit_of_work() as work:
        return await distributions.create(work, base_path=base_path, name=name, source=source)


async def update_distribution(
    engine: Engine, distribution: Distribution, expected_revision: int | None = None, **changes: Any
) -> Distribution:
    """Update a distribution."""
    async with engine.unit_of_work() as work:
        return await distributions.update(work, distribution, changes=changes, expected_revision=expected_revision)


async def delete_distribution(engine: Engine, distribution: Distribution) -> None:
    """Delete a distribution."""
    async with engine.unit_of_work() as work:
        await distributions.delete(work, distribution)
