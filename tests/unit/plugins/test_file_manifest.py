"""The PULP_MANIFEST format: what is written is read again, whatever the path; what is no line says where."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from headbox.plugin_api import MetadataInvalid
from headbox.plugins.file.kinds import FileContent
from headbox.plugins.file.manifest import MAX_LINE_BYTES, read_manifest, write_line

DIGEST = "ab" * 32


def read(text: str | bytes) -> list[FileContent | MetadataInvalid]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "manifest"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        lines = read_manifest(path, "http://example.org/PULP_MANIFEST")
        return [line for line in lines if line is not None]


def file(path: str) -> FileContent | None:
    try:
        return FileContent(relative_path=path, sha256=DIGEST, size=1)
    except ValidationError:
        return None


#: Any path that a unit can have: mostly of what a manifest has to quote.
PATHS = st.one_of(st.text(min_size=1, max_size=40), st.text(alphabet=", \"'a/é\t;#", min_size=1, max_size=20))
UNITS = PATHS.map(file).filter(lambda unit: unit is not None)


@settings(max_examples=50)
@given(units=st.lists(UNITS, max_size=5))
def test_what_is_written_is_read_again(units: list[FileContent]) -> None:
    text = "".join(write_line(unit.relative_path, unit.sha256, unit.size) for unit in units)

    assert read(text) == units


@given(unit=UNITS)
def test_what_is_written_is_csv(unit: FileContent) -> None:
    [row] = csv.reader(io.StringIO(write_line(unit.relative_path, unit.sha256, unit.size), newline=""))

    assert row == [unit.relative_path, unit.sha256, "1"]


@given(noise=st.binary(max_size=300))
def test_no_bytes_make_the_reader_fail(noise: bytes) -> None:
    for found in read(noise):
        assert isinstance(found, FileContent | MetadataInvalid)


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_lines_may_end_as_on_any_system(end: str) -> None:
    assert read(f"a.txt,{DIGEST},1{end}") == [file("a.txt")]


def test_digest_is_read_in_capitals_too() -> None:
    assert read(f"a.txt,{DIGEST.upper()},1\n") == [file("a.txt")]


def test_empty_lines_are_passed_over() -> None:
    assert read(f"\n  \na.txt,{DIGEST},1\n\n") == [file("a.txt")]


def test_error_says_line_and_reading_goes_on() -> None:
    found = read(f"a.txt,{DIGEST},1\nbroken\nb.txt,{DIGEST},1\n")

    assert [found[0], found[2]] == [file("a.txt"), file("b.txt")]
    assert isinstance(found[1], MetadataInvalid)
    assert "http://example.org/PULP_MANIFEST cannot be read at line 2" in str(found[1])


def test_longest_line_is_read_and_a_longer_one_ends_the_reading() -> None:
    padding = " " * (MAX_LINE_BYTES - len(f"a.txt,{DIGEST},1"))

    assert read(f"a.txt,{DIGEST},{padding}1\nb.txt,{DIGEST},1\n")[1:] == [file("b.txt")]
    [error] = read(f"a.txt,{DIGEST},{padding} 1\nb.txt,{DIGEST},1\n")
    assert isinstance(error, MetadataInvalid)
    assert f"longer than {MAX_LINE_BYTES} bytes" in str(error)


@pytest.mark.parametrize("page", [b"<html>\n", b"  <!DOCTYPE html>"])
def test_page_is_told_from_a_manifest(page: bytes) -> None:
    [error] = read(page)

    assert isinstance(error, MetadataInvalid)
    assert error.hint is not None
    assert "looks like a web page" in error.hint
