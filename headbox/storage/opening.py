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
        StorageUnusable: Its folder cannot be made, or no object can have the prefix.
    """
    if settings.storage.bucket is not None:
        try:
            return S3Storage.of(settings.storage)
        except ValueError as error:
            raise StorageUnusable(f"artifacts cannot be kept in {settings.storage.url}: {error}") from error
    folder = settings.storage.folder or settings.data_dir / "artifacts"
    try:
        return FilesystemStorage(folder)
    except OSError as error:
        raise StorageUnusable(f"the folder of artifacts {folder} cannot be used: {error.strerror}") from error
