from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.content_app.site import Site


@pytest.fixture(params=["files", pytest.param("bucket", marks=pytest.mark.embedded)])
async def site(request: pytest.FixtureRequest, data_dir: Path) -> AsyncIterator[Site]:
    bucket = request.getfixturevalue("object_store") if request.param == "bucket" else None
    async with Site(data_dir, bucket).running() as site:
        yield site
