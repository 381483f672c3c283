"""What a downloader needs from each kind of address: one attempt at one body, unchecked."""

from __future__ import annotations

from typing import Protocol

from headbox.download.interface import Validators


class Body(Protocol):
    """A body that has begun to arrive.

    Attributes:
        size: Announced length in bytes, or None.
        validators: To ask later whether it has changed.
    """

    size: int | None
    validators: Validators

    async def read(self) -> bytes:
        """Return what has arrived, at most `CHUNK_BYTES`, waiting for the first byte; empty at the end.

        Raises:
            RemoteUnreachable, TimedOut: The body broke off.
        """
        ...

    async def aclose(self) -> None:
        """Let go of the connection or file; unread bytes are lost."""
        ...


class Source(Protocol):
    """Opens bodies by URL, once: without retries, and without a look at what is in them."""

    async def open(self, url: str, if_changed: Validators | None) -> Body | None:
        """Return the body of a file, which the caller closes; None when it has not changed."""
        ...

    async def aclose(self) -> None:
        """Let go of all connections."""
        ...
