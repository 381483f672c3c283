"""The files of publications, remembered: what lies below a publication never changes."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import format_datetime
from enum import Enum
from uuid import UUID

from headbox.content_app.cache import LruCache
from headbox.content_app.exchange import CACHE_CONTROL, NOSNIFF, Headers
from headbox.content_app.media import is_active, media_type
from headbox.content_app.metrics import ContentMetrics
from headbox.models.database import Database
from headbox.services import serving
from headbox.services.serving import Found, Served

#: Bound of what is remembered of paths, in bytes.
CACHE_BYTES = 64 * 1024 * 1024
#: About what a remembered path takes besides its own text, in bytes.
_ENTRY_BYTES = 2048

_ACCEPT_RANGES = (b"accept-ranges", b"bytes")
#: A hosted page is shown without scripts and as of no origin, so that it cannot act as the user who is signed in here.
_SANDBOX = (b"content-security-policy", b"sandbox")


class Missing(Enum):
    """A path without a file."""

    #: Nothing is there.
    ABSENT = "absent"
    #: Other files lie below it.
    FOLDER = "folder"


@dataclass(frozen=True, slots=True)
class File:
    """A file with what is said of it in every answer.

    Attributes:
        found: The file.
        content_type: Its media type.
        etag: Its strong tag with its quotes, or None while its digest is unknown.
        modified: Its Last-Modified.
        headers: For every answer; without the type and length of the body.
        whole: For an answer with the whole file; without the length while that is unknown.
    """

    found: Found
    content_type: str
    etag: str | None
    modified: str
    headers: Headers
    whole: Headers

    @classmethod
    def of(cls, found: Found) -> File:
        """Describe a file."""
        content_type = media_type(found.relative_path.rpartition("/")[2])
        etag = f'"{found.sha256}"' if found.sha256 else None
        # HTTP knows no fractions of a second.
        modified = format_datetime(found.modified.replace(microsecond=0), usegmt=True)
        headers = [(b"last-modified", modified.encode()), _ACCEPT_RANGES, CACHE_CONTROL, NOSNIFF]
        if etag:
            headers.append((b"etag", etag.encode()))
        if is_active(content_type):
            headers.append(_SANDBOX)
        whole = [*headers, (b"content-type", content_type.encode())]
        if found.size is not None:
            whole.append((b"content-length", str(found.size).encode()))
        return cls(found, content_type, etag, modified, headers, whole)


class Files:
    """Finds the file at a path of a publication, without a query when it was asked for before."""

    def __init__(self, database: Database, metrics: ContentMetrics) -> None:
        self._database = database
        self._metrics = metrics
        self._known: LruCache[tuple[UUID, str], File | Missing] = LruCache(CACHE_BYTES)

    async def find(self, served: Served, relative_path: str) -> File | Missing:
        """Return the file at a path, or why there is none."""
        key = served.publication_id, relative_path
        known = self._known.get(key)
        self._metrics.looked_up(cached=known is not None)
        if known is None:
            known = await self._look_up(served, relative_path)
            # What is not stored may be at any time.
            if isinstance(known, Missing) or known.found.is_stored:
                self._known.put(key, known, _ENTRY_BYTES + len(relative_path))
        return known

    def forget(self, sha256: str | None) -> None:
        """Ask the database again for files with these bytes, or for all: where they are stored may have changed."""
        if sha256 is None:
            self._known.clear()
        else:
            self._known.discard_if(lambda file: isinstance(file, File) and file.found.sha256 == sha256)

    async def _look_up(self, served: Served, relative_path: str) -> File | Missing:
        found = await serving.find(self._database.connection, served, relative_path)
        if found is not None:
            return File.of(found)
        if await serving.is_folder(self._database.connection, served, f"{relative_path}/"):
            return Missing.FOLDER
        return Missing.ABSENT
