"""Fetches from remotes."""

from headbox.download.downloader import open_downloader
from headbox.download.interface import ByteStream, Downloader, Fetched, RemoteAccess, Validators

__all__ = ["ByteStream", "Downloader", "Fetched", "RemoteAccess", "Validators", "open_downloader"]
