"""Uploads that were begun: remembered for a program that was killed, and is run again."""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import suppress
from pathlib import Path

_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


class UploadJournal:
    """A folder with a file for each upload that was begun and not ended.

    It is a help and no more: what cannot be read or written is as if it were not there.

    Args:
        folder: The folder; made when it is needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def of_user(cls) -> UploadJournal:
        """Return the journal of whoever runs this.

        Source: XDG Base Directory Specification.
        """
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return cls(Path(base) / "headbox" / "uploads")

    def find(self, server: str, sha256: str) -> str | None:
        """Return the id of the upload that was begun for a digest on a server, or None."""
        try:
            key = self._file(server, sha256).read_text()
        except (OSError, ValueError):
            return None
        return key if _ID.fullmatch(key) else None

    def note(self, server: str, sha256: str, key: str) -> None:
        """Remember an upload by its id."""
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file(server, sha256).write_text(key)

    def forget(self, server: str, sha256: str) -> None:
        """Forget an upload that is complete or gone."""
        with suppress(OSError):
            self._file(server, sha256).unlink(missing_ok=True)

    def _file(self, server: str, sha256: str) -> Path:
        return self._folder / hashlib.sha256(f"{server}\n{sha256}".encode()).hexdigest()
