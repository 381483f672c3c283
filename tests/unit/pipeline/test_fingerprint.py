"""The fingerprint of what a remote declares."""

from __future__ import annotations

from pathlib import Path

import pytest

from headbox.kinds import DeclaredArtifact, DeclaredContent
from headbox.pipeline import fingerprint
from headbox.pipeline.batch import Unit, prepare
from headbox.pipeline.fingerprint import Fingerprint
from headbox.plugins.file.kinds import FileContent


def unit(path: str, sha256: str = "a" * 64, url: str = "http://one") -> Unit:
    content = FileContent(relative_path=path, sha256=sha256, size=1)
    declared = DeclaredContent(content, (DeclaredArtifact(path, url, sha256, 1),))
    [prepared] = prepare([declared], (FileContent,), max_bytes=1)
    assert isinstance(prepared, Unit)
    return prepared


async def digest(folder: Path, *units: Unit, left_out: tuple[str, ...] = ()) -> str:
    folder.mkdir()
    taken = Fingerprint(folder)
    for one in units:
        await taken.add([one])
    await taken.leave_out(left_out)
    return await taken.digest()


@pytest.mark.parametrize("in_memory", [1, 2, 100])
async def test_order_and_repetition_do_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_memory: int
) -> None:
    expected = await digest(tmp_path / "one", *map(unit, "abc"))
    monkeypatch.setattr(fingerprint, "SORTED_IN_MEMORY", in_memory)

    assert await digest(tmp_path / "other", *map(unit, "cabbca")) == expected


async def test_what_is_declared_counts(tmp_path: Path) -> None:
    digests = {
        await digest(tmp_path / "none"),
        await digest(tmp_path / "one", unit("a")),
        await digest(tmp_path / "two", unit("a"), unit("b")),
        await digest(tmp_path / "bytes", unit("a"), unit("b", "b" * 64)),
        await digest(tmp_path / "less", unit("a"), unit("b"), left_out=(unit("b").id,)),
    }

    assert len(digests) == 5


async def test_where_it_is_fetched_does_not_count(tmp_path: Path) -> None:
    here = await digest(tmp_path / "here", unit("a", url="http://here"))

    assert await digest(tmp_path / "there", unit("a", url="http://there")) == here
