"""What `headbox upload` finds below a folder."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from headbox.cli.uploading.found import find_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "b.txt").write_text("b")
    (folder / "sub" / "a.txt").write_text("a")
    return folder


def found(*paths: Path, prefix: str = "") -> list[str]:
    finding = find_files(paths, prefix)
    assert finding.refused == []
    return [file.relative_path for file in finding.files]


def refused(folder: Path) -> list[str]:
    return [line.removeprefix(f"{folder}/") for line in find_files([folder], "").refused]


def test_files_lie_by_their_names_and_what_is_below_a_folder_by_its_path(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "single").touch()

    assert found(folder) == ["b.txt", "sub/a.txt"]
    assert found(folder, tmp_path / "single", prefix="/some/where/") == [
        "some/where/b.txt",
        "some/where/single",
        "some/where/sub/a.txt",
    ]


def test_links_are_followed_to_files_below_the_folder_only(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("secret")
    (folder / "latest").symlink_to("sub/a.txt")
    assert found(folder) == ["b.txt", "latest", "sub/a.txt"]

    (folder / "climbs").symlink_to("../outside")
    (folder / "absolute").symlink_to(tmp_path / "outside")
    (folder / "dangles").symlink_to("nothing")
    (folder / "itself").symlink_to("itself")
    (folder / "round").symlink_to("sub", target_is_directory=True)
    lines = refused(folder)
    assert [line.partition(":")[0] for line in lines] == ["absolute", "climbs", "dangles", "itself", "round"]
    assert lines[0] == "absolute: a link that leads out of the folder"
    assert lines[2] == "dangles: No such file or directory"
    assert lines[4] == "round: a link to a folder"
    # A link that somebody names is meant.
    assert found(folder / "climbs") == ["climbs"]


def test_what_is_no_file_is_refused_and_never_opened(folder: Path) -> None:
    os.mkfifo(folder / "pipe")

    assert refused(folder) == ["pipe: no file"]


def test_names_that_no_path_of_content_has_are_refused(folder: Path) -> None:
    Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9")).touch()
    (folder / "line\nbreak").touch()

    assert sorted(refused(folder)) == [
        "caf\N{REPLACEMENT CHARACTER}: its name is not UTF-8",
        "line\N{REPLACEMENT CHARACTER}break: "
        "a path must be relative, without empty segments, '.', '..' or control characters",
    ]


def test_names_that_look_alike_are_refused_and_others_kept_as_they_are(folder: Path, tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "café")
    (folder / decomposed).touch()
    assert found(folder) == ["b.txt", decomposed, "sub/a.txt"]

    (folder / "café").touch()
    [line] = refused(folder)
    assert "it would lie where" in line
    assert "b.txt: it would lie where" in find_files([folder, folder / "b.txt"], "").refused[-1]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_cannot_be_read_is_refused(folder: Path) -> None:
    (folder / "b.txt").chmod(0)
    (folder / "sub").chmod(0)
    try:
        assert sorted(refused(folder)) == ["b.txt: Permission denied", "sub: Permission denied"]
    finally:
        (folder / "sub").chmod(0o700)


@pytest.mark.parametrize("prefix", ["..", "a/../b", "a//b", "a\x00b"])
def test_a_prefix_that_no_path_has_is_refused(folder: Path, prefix: str) -> None:
    assert find_files([folder], prefix).files == []
