"""Artifact bytes, named by digest, and the private folders in which they are made."""

from headbox.storage.filesystem import FilesystemStorage
from headbox.storage.interface import ArtifactStorage, StorageHealth
from headbox.storage.memory import MemoryStorage
from headbox.storage.workspace import Workspace

__all__ = ["ArtifactStorage", "FilesystemStorage", "MemoryStorage", "StorageHealth", "Workspace"]
