"""Chooses the place that keeps artifacts, by the settings."""

from __future__ import annotations

from headbox.settings import Settings
from headbox.storage.filesystem import FilesystemStorage
from headbox.storage.interface import ArtifactStorage
from headbox.storage.s3 import S3Storage


class StorageUnusable(Exception):
    """The place that is set cannot keep artifacts."""


def open_storage(settings: Settings) -> ArtifactStorage:
    """Return the storage that the settings name; whether a bucket answers is seen by `ArtifactStorage.check`.

    Raises:
        StorageUnusable: Its folder cannot be made.
    """
    if settings.storage.bucket is not None:
        return S3Storage.of(settings.storage)
    folder = settings.storage.folder or settings.data_dir / "artifacts"
    try:
        return FilesystemStorage(folder)
    except OSError as error:
        raise StorageUnusable(f"the folder of artifacts {folder} cannot be used: {error.strerror}") from error
