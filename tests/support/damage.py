"""What disks do to artifacts, past headbox's own storage."""

from __future__ import annotations

from headbox.storage import ArtifactStorage, S3Storage
from headbox.storage.keys import key_of
from tests.support.object_store import ObjectStore


class Damage:
    """Puts other bytes into the place of artifacts.

    Args:
        storage: Where they are.
        bucket: The server of that storage, where it is one.
    """

    def __init__(self, storage: ArtifactStorage, bucket: ObjectStore | None = None) -> None:
        self._storage = storage
        self._bucket = bucket

    def put(self, digest: str, body: bytes) -> None:
        """Let an artifact have these bytes."""
        path = self._storage.path_of(digest)
        if path is not None:
            path.write_bytes(body)
        else:
            assert self._bucket is not None
            assert isinstance(self._storage, S3Storage)
            self._bucket.put(self._storage.name, key_of(digest), body)

    def rot(self, digest: str, body: bytes) -> None:
        """Change one byte of an artifact, and not its size."""
        self.put(digest, body[:-1] + bytes([body[-1] ^ 1]))
