"""What is remembered of uploads that were begun."""

from __future__ import annotations

from pathlib import Path

import pytest

from headbox.client import UploadJournal


def test_an_upload_is_found_by_server_and_digest_until_it_is_forgotten(tmp_path: Path) -> None:
    journal = UploadJournal(tmp_path / "uploads")
    assert journal.find("http://a", "d1") is None

    journal.note("http://a", "d1", "01a2-b3")
    assert [journal.find(*key) for key in (("http://a", "d1"), ("http://b", "d1"), ("http://a", "d2"))] == [
        "01a2-b3",
        None,
        None,
    ]
    journal.forget("http://a", "d1")
    journal.forget("http://a", "d1")
    assert journal.find("http://a", "d1") is None


@pytest.mark.parametrize("body", [b"", b"../../graphql", b"\xff", b"a\nb"])
def test_what_is_damaged_is_as_if_it_were_not_there(tmp_path: Path, body: bytes) -> None:
    journal = UploadJournal(tmp_path)
    journal.note("s", "d", "x")
    [file] = tmp_path.iterdir()
    file.write_bytes(body)

    assert journal.find("s", "d") is None


def test_a_folder_that_cannot_be_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    journal = UploadJournal(tmp_path / "file" / "uploads")

    journal.note("s", "d", "x")
    journal.forget("s", "d")
    assert journal.find("s", "d") is None
