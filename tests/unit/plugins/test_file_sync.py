"""A manifest may go on for long without declaring anything: everybody else has their turn meanwhile."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from headbox.errors import HeadboxError, MetadataInvalid
from headbox.plugins.file.kinds import FileRemote
from headbox.plugins.file.sync import LINES_A_TURN, FileSync
from headbox.types import uuid7

TURNS = 20


class ManifestAtHand:
    """What a sync of a manifest that was fetched already has: implements the part of `SyncContext` that it uses."""

    def __init__(self, manifest: Path) -> None:
        self.remote = FileRemote(url="http://example.org/PULP_MANIFEST")
        self.manifest = manifest
        self.issues = 0

    async def root_metadata(self, url: str) -> Path:
        return self.manifest

    def issue(self, error: HeadboxError, *, relative_path: str | None = None) -> None:
        self.issues += 1


@pytest.mark.parametrize(("line", "issues"), [("garbage\n", TURNS * LINES_A_TURN), ("\n", 0)], ids=["bad", "blank"])
async def test_lines_that_declare_nothing_let_others_have_their_turn(tmp_path: Path, line: str, issues: int) -> None:
    manifest = tmp_path / "PULP_MANIFEST"
    manifest.write_text(line * TURNS * LINES_A_TURN)
    ctx: Any = ManifestAtHand(manifest)
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(take_turns())
    sync = FileSync(repository=uuid7(), remote=uuid7(), remote_revision=uuid7())
    with pytest.raises(MetadataInvalid) if issues else nullcontext():
        assert [unit async for unit in sync.declare(ctx)] == []
    other.cancel()

    assert ctx.issues == issues
    assert turns == TURNS
