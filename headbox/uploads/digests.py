"""Digests of uploads that come in several requests, so that no byte need be read again to know them."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from uuid import UUID

from headbox.storage.uploads import Stamp

#: Uploads whose digests are kept; each takes some 300 bytes.
MAX_KEPT = 4096


class RunningDigests:
    """SHA-256 of what came so far of uploads, as far as this process has seen all of it.

    They are in memory alone: an upload that goes on in another process is read once more at its end.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[UUID, tuple[Stamp, hashlib._Hash]] = OrderedDict()

    def take(self, upload: UUID, offset: int, stamp: Stamp) -> hashlib._Hash | None:
        """Return the digest of the first `offset` bytes, to go on with, or None when it is not known; it is not kept.

        Args:
            upload: Which upload.
            offset: How many bytes of it are here.
            stamp: Of the file that they are in.
        """
        known, digest = self._kept.pop(upload, (None, None))
        if offset == 0:
            return hashlib.sha256()
        # Another process may have begun anew with other bytes.
        return digest if known == stamp else None

    def keep(self, upload: UUID, stamp: Stamp, digest: hashlib._Hash | None) -> None:
        """Keep the digest of all bytes that a file has, if it is known; it must not change any more."""
        if digest is None:
            return
        self._kept[upload] = (stamp, digest)
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
