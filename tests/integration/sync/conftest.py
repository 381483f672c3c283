"""A repository that mirrors the test's upstream."""

from __future__ import annotations

import pytest

from tests.integration.sync.parcels import Parcels, install
from tests.support.engine import LocalEngine
from tests.support.mirror import Mirror
from tests.support.upstream import Upstream


@pytest.fixture
async def mirror(engine: LocalEngine, upstream: Upstream) -> Mirror:
    return await Mirror.of(engine, upstream)


@pytest.fixture
async def parcels(engine: LocalEngine, upstream: Upstream) -> Parcels:
    install(engine)
    return await Parcels.create(engine, upstream)
