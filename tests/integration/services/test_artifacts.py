"""What `headbox verify` finds: artifacts that are not what their digest says."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from headbox.cli.main import main
from headbox.models import Artifact
from headbox.models.database import Database
from headbox.settings import Settings
from headbox.storage import FilesystemStorage

BODIES = [f"artifact {number}".encode() for number in range(40)]
DIGESTS = [hashlib.sha256(body).hexdigest() for body in BODIES]

Verify = Callable[..., Result]


@pytest.fixture
def storage(data_dir: Path) -> FilesystemStorage:
    """A storage of 40 artifacts that the database has."""
    storage = FilesystemStorage(data_dir / "artifacts")

    async def fill() -> None:
        async with Database.of(Settings(data_dir=data_dir)).connected():
            for body, digest in zip(BODIES, DIGESTS, strict=True):
                path = data_dir / digest
                path.write_bytes(body)
                await storage.adopt(path, digest)
            rows = [Artifact(sha256=digest, size=len(body)) for body, digest in zip(BODIES, DIGESTS, strict=True)]
            await Artifact.bulk_create(rows)

    asyncio.run(fill())
    return storage


@pytest.fixture
def verify(data_dir: Path) -> Verify:
    def run(*options: str) -> Result:
        return CliRunner().invoke(main, ["verify", "--data-dir", str(data_dir), *options])

    return run


def test_whole_artifacts_are_counted(storage: FilesystemStorage, verify: Verify) -> None:
    result = verify()

    assert result.output == "40 artifacts, digests compared: none missing or damaged\n"
    assert result.exit_code == 0


def test_what_is_missing_or_damaged_is_named(storage: FilesystemStorage, verify: Verify) -> None:
    storage.path_of(DIGESTS[0]).unlink()
    storage.path_of(DIGESTS[1]).write_bytes(BODIES[1][::-1])
    storage.path_of(DIGESTS[2]).write_bytes(b"")

    result = verify()

    lines = result.output.splitlines()
    assert sorted(lines[:-1]) == sorted(
        [
            f"missing  {DIGESTS[0]}  10 bytes",
            f"damaged  {DIGESTS[1]}  10 bytes",
            f"damaged  {DIGESTS[2]}  10 bytes",
        ]
    )
    assert lines[-1] == "40 artifacts, digests compared: 3 missing or damaged"
    assert result.exit_code == 1


def test_quick_look_reads_no_bytes(storage: FilesystemStorage, verify: Verify) -> None:
    storage.path_of(DIGESTS[1]).write_bytes(BODIES[1][::-1])
    storage.path_of(DIGESTS[2]).write_bytes(b"")

    result = verify("--quick")

    assert result.output.splitlines() == [
        f"damaged  {DIGESTS[2]}  10 bytes",
        "40 artifacts, sizes compared: 1 missing or damaged",
    ]


@pytest.mark.embedded
def test_folder_without_a_database_is_refused_and_stays_empty(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["verify", "--data-dir", str(tmp_path)])

    assert "There is no database" in result.output
    assert result.exit_code == 1
    assert list(tmp_path.iterdir()) == []
