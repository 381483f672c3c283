"""Artifact bytes, named by digest, and the private folders in which they are made."""

from headbox.storage.filesystem import FilesystemStorage
from headbox.storage.interface import ArtifactStorage, StorageHealth, StoredArtifact
from headbox.storage.opening import StorageUnusable, open_storage
from headbox.storage.s3 import S3Storage
from headbox.storage.workspace import Workspace, own_workspace

__all__ = [
    "ArtifactStorage",
    "FilesystemStorage",
    "S3Storage",
    "StorageHealth",
    "StorageUnusable",
    "StoredArtifact",
    "Workspace",
    "open_storage",
    "own_workspace",
]
