"""A repository with two versions, and what is served of it."""

from __future__ import annotations

import pytest

from tests.support.engine import LocalEngine
from tests.support.mirror import Mirror
from tests.support.upstream import Upstream


@pytest.fixture
async def mirror(engine: LocalEngine, upstream: Upstream) -> Mirror:
    """A repository whose versions 1 and 2 hold `one.txt`, and `one.txt` and `two.txt`."""
    mirror = await Mirror.of(engine, upstream)
    await mirror.sync({"one.txt": b"1"})
    await mirror.sync({"one.txt": b"1", "two.txt": b"2"})
    return mirror
