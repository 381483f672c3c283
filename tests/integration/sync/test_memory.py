"""The memory of a sync does not grow with the number of units."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path

import pytest

from headbox.settings import DownloadSettings
from headbox.types import Automation
from tests.factories.remote import new_remote
from tests.factories.repository import make_repository
from tests.support.engine import LocalEngine
from tests.support.mirror import MANIFEST, Mirror
from tests.support.upstream import Upstream

#: A sync with its publication may take so many bytes at its peak, whatever it syncs.
LIMIT_BYTES = 20_000_000
#: Two thousand bytes for each would be too many.
UNITS = 10_000


@pytest.mark.slow
async def test_peak_of_a_large_sync_stays_below_a_fixed_limit(
    data_dir: Path, upstream: Upstream, tmp_path: Path
) -> None:
    folder = tmp_path / "upstream"
    folder.mkdir()
    with (folder / MANIFEST).open("w") as manifest:
        for number in range(UNITS):
            manifest.write(f"folder/{number}.txt,{number:064x},{number}\n")
    settings = DownloadSettings(allowed_paths=(folder,))
    async with LocalEngine(data_dir, download=settings).running() as engine:
        remote = new_remote(upstream, url=(folder / MANIFEST).as_uri(), policy="on_demand")
        repository = await make_repository(engine, remote, "mirror")
        mirror = Mirror(engine, upstream, repository)
        gc.collect()
        tracemalloc.start()
        try:
            await mirror.sync(automation=Automation.DISTRIBUTE)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert (await mirror.version()).present == UNITS
    assert peak < LIMIT_BYTES
