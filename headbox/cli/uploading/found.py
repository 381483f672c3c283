"""What is below a folder, and what of it can be uploaded.

- A link to a file is uploaded as that file, where it stays below the folder; one that leads elsewhere, to a folder or
  to nothing cannot be: whoever can write to the folder must not make others send what only those can read.
- Pipes, sockets and devices cannot be, nor files that cannot be read.
- Nor names that are not UTF-8, or that no path of content has, or two that differ only in how Unicode writes the same
  letters: whoever installs one of them could not tell which.
"""

from __future__ import annotations

import os
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from headbox.types import check_relative_path


@dataclass(frozen=True, slots=True)
class Found:
    """A file to upload.

    Attributes:
        path: Where it lies here.
        relative_path: Where it is to lie below a distribution's base path.
    """

    path: Path
    relative_path: str


@dataclass(slots=True)
class Finding:
    """What was found.

    Attributes:
        files: The files to upload, by their paths there.
        refused: Why each of the others cannot be, in words.
    """

    files: list[Found] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def find_files(paths: Sequence[Path], prefix: str) -> Finding:
    """Return what is to be uploaded of some files and folders.

    Args:
        paths: A file is uploaded by its name, what is below a folder by its path from there.
        prefix: Put before each path; empty for none.
    """
    finding = Finding()
    taken: dict[str, Path] = {}
    for path in paths:
        for found in _below(path, prefix, finding.refused):
            problem = _problem(found, path, taken)
            if problem:
                finding.refused.append(f"{_shown(found.path)}: {problem}")
            else:
                taken[_folded(found.relative_path)] = found.path
                finding.files.append(found)
    finding.files.sort(key=lambda found: found.relative_path)
    return finding


def _below(path: Path, prefix: str, refused: list[str]) -> Iterator[Found]:
    """Yield a file, or all that is below a folder and is no folder; folders that cannot be read are noted."""
    if not path.is_dir():
        yield Found(path, _joined(prefix, path.name))
        return

    def note(error: OSError) -> None:
        refused.append(f"{_shown(Path(error.filename))}: {error.strerror}")

    for folder, folders, names in os.walk(path, onerror=note):
        folders.sort()
        inner = PurePosixPath(Path(folder).relative_to(path).as_posix())
        # Links to folders are not gone into: they may lead round in circles.
        links = [name for name in folders if Path(folder, name).is_symlink()]
        for name in sorted([*names, *links]):
            yield Found(Path(folder, name), _joined(prefix, str(inner / name)))


def _problem(found: Found, root: Path, taken: dict[str, Path]) -> str | None:
    """Return why a file cannot be uploaded, or None."""
    try:
        found.relative_path.encode()
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    try:
        check_relative_path(found.relative_path)
    except ValueError as error:
        return str(error)
    other = taken.get(_folded(found.relative_path))
    if other is not None:
        return f"it would lie where {_shown(other)} does: {found.relative_path!r}"
    try:
        return _unreadable(found.path, root)
    except (OSError, RuntimeError) as error:
        # A link that leads to itself is no OSError.
        return getattr(error, "strerror", None) or str(error)


def _unreadable(path: Path, root: Path) -> str | None:
    if path != root and path.is_symlink() and not path.resolve(strict=True).is_relative_to(root.resolve()):
        return "a link that leads out of the folder"
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        return "a link to a folder" if stat.S_ISDIR(mode) else "no file"
    return None if os.access(path, os.R_OK) else "Permission denied"


def _joined(prefix: str, path: str) -> str:
    return f"{prefix.strip('/')}/{path}" if prefix.strip("/") else path


def _folded(path: str) -> str:
    """Return a path as another one looks that is written with other code points."""
    return unicodedata.normalize("NFC", path)


def _shown(path: Path) -> str:
    """Return a path for people, in one line, whatever bytes it consists of."""
    return os.fsencode(path).decode(errors="replace").replace("\n", "\N{REPLACEMENT CHARACTER}")
