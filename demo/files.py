"""The files of the upstream: Python's own, with a manifest, and what becomes of them."""

from __future__ import annotations

import csv
import hashlib
import shutil
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from urllib.parse import quote

MANIFEST = "PULP_MANIFEST"
#: A distribution without Python's tests has fewer files in its standard library; installed libraries make up for them.
MIN_FILES = 2_000
#: Larger files would make the minute longer, and show nothing more.
MAX_FILE_BYTES = 1024 * 1024
_LEFT_OUT = {"__pycache__", "site-packages", "dist-packages"}


@dataclass(frozen=True)
class Listed:
    """What a manifest says of a file."""

    sha256: str
    size: int


@dataclass(frozen=True)
class Changes:
    """Paths of the files that were changed, in order."""

    added: list[str]
    changed: list[str]
    removed: list[str]


def copy_library(folder: Path, count: int | None) -> dict[str, Listed]:
    """Copy the standard library into a new folder, with a manifest, and return what that lists, by path.

    Args:
        folder: Where the files go.
        count: How many at most; None for all.
    """
    library = Path(sysconfig.get_path("stdlib"))
    packages = Path(sysconfig.get_path("purelib"))
    files = [(path, path.relative_to(library)) for path in _sources(library)]
    missing = max(0, MIN_FILES - len(files))
    files += [(path, "site-packages" / path.relative_to(packages)) for path in islice(_sources(packages), missing)]
    for source, place in files[:count]:
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    return write_manifest(folder)


def _sources(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        is_wanted = not _LEFT_OUT.intersection(path.relative_to(folder).parts)
        if is_wanted and path.is_file() and path.stat().st_size <= MAX_FILE_BYTES:
            yield path


def write_manifest(folder: Path) -> dict[str, Listed]:
    """Write the manifest of all files below a folder, and return what it lists, by path."""
    listed = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != MANIFEST:
            body = path.read_bytes()
            listed[path.relative_to(folder).as_posix()] = Listed(hashlib.sha256(body).hexdigest(), len(body))
    with (folder / MANIFEST).open("w", newline="") as manifest:
        rows = ((path, file.sha256, file.size) for path, file in listed.items())
        csv.writer(manifest, lineterminator="\n").writerows(rows)
    return listed


def read_manifest(text: str) -> dict[str, Listed]:
    """Return what a manifest lists, by path.

    Raises:
        ValueError: It is not a manifest.
    """
    listed = {}
    for row in csv.reader(text.splitlines()):
        *path, sha256, size = row
        # Pulp does not quote a path that holds a comma; the digest and the size never do.
        listed[",".join(path)] = Listed(sha256, int(size))
    return listed


def change(folder: Path, paths: Iterable[str]) -> Changes:
    """Change the files of an upstream a little: three new ones, three with a new line, three gone.

    Args:
        folder: Where they lie.
        paths: What its manifest lists.
    """
    modules = sorted(path for path in paths if path.endswith(".py") and "/" not in path)
    changed, removed = modules[:3], modules[-3:]
    added = [f"release/{name}" for name in ("CHANGES.txt", "naïve café.txt", "notes, with a comma.txt")]
    (folder / "release").mkdir()
    for path in added:
        (folder / path).write_text(f"{path}: new in this release.\n")
    for path in changed:
        with (folder / path).open("a") as file:
            file.write("\n# Changed in this release.\n")
    for path in removed:
        (folder / path).unlink()
    return Changes(added, changed, removed)


def url_of(folder_url: str, path: str) -> str:
    """Return the address of a file below a folder's address."""
    return folder_url + quote(path)
