"""The PULP_MANIFEST format: a line for each file, with its path, SHA-256 and size, separated by commas.

A path that holds a comma, a quote or a space at its ends is quoted as CSV quotes it (RFC 4180); paths with commas
that are not quoted are read too, as Pulp wrote them: digest and size never hold a comma.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from headbox.plugin_api import MetadataInvalid
from headbox.plugins.file.kinds import FileContent

#: Longest line that is read, in bytes without its end: the longest path, quoted, with digest and size.
MAX_LINE_BYTES = 16_384
#: Bytes that are read at a time.
BLOCK_BYTES = 65_536


def read_manifest(path: Path, url: str) -> Iterator[FileContent | MetadataInvalid | None]:
    """Yield for each line of a manifest the file that it lists, an error, or None where it is blank.

    Nothing is kept in memory.

    Args:
        path: The manifest.
        url: Where it came from, for the errors.
    """
    with path.open("rb") as file:
        for number, line in enumerate(_lines(file), 1):
            if len(line) > MAX_LINE_BYTES:
                yield _invalid(url, number, f"the line is longer than {MAX_LINE_BYTES} bytes", line)
                return
            yield _parse(line, url, number) if line.strip() else None


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the lines without their ends; of one that is too long, its beginning, and nothing after it."""
    rest = b""
    while block := file.read(BLOCK_BYTES):
        *lines, rest = (rest + block).split(b"\n")
        yield from lines
        if len(rest) > MAX_LINE_BYTES:
            break
    if rest:
        yield rest


def write_line(relative_path: str, sha256: str, size: int) -> str:
    """Return the line of one file, with its line break."""
    if "," not in relative_path and '"' not in relative_path and relative_path == relative_path.strip():
        return f"{relative_path},{sha256},{size}\n"
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow((relative_path, sha256, size))
    return line.getvalue()


def _parse(line: bytes, url: str, number: int) -> FileContent | MetadataInvalid:
    try:
        text = line.decode().rstrip("\r")
        name, sha256, size = text.rsplit(",", 2)
        if name.startswith('"'):
            name, sha256, size = next(csv.reader([text], strict=True))
        if not (size.isascii() and size.strip().isdigit()):
            return _invalid(url, number, f"{size[:40]!r} is no size", line)
        return FileContent(relative_path=name, sha256=sha256.strip(), size=int(size))
    except ValidationError as error:
        return _invalid(url, number, error.errors(include_url=False)[0]["msg"].removeprefix("Value error, "), line)
    except UnicodeDecodeError:
        return _invalid(url, number, "it is not UTF-8", line)
    except (ValueError, csv.Error):
        return _invalid(url, number, "a line has a path, a SHA-256 and a size, separated by commas", line)


def _invalid(url: str, number: int, reason: str, line: bytes) -> MetadataInvalid:
    is_page = line.lstrip()[:1] == b"<"
    hint = "This looks like a web page. The remote's URL must be that of the manifest itself." if is_page else None
    return MetadataInvalid(url=url, reason=reason, line=number, hint=hint)
