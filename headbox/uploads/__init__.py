"""Takes the bytes that clients bring: resumable uploads over HTTP, tus 1.0."""

from headbox.uploads.app import UploadApp

__all__ = ["UploadApp"]
