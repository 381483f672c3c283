"""Sends one message to one receiver, who may be slow, broken or hostile."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

import aiohttp

from headbox import __version__
from headbox.download.addresses import PrivateAddressError, may_be_public_host, public_socket
from headbox.download.http_errors import cause
from headbox.download.retry import parse_retry_after
from headbox.download.urls import parse_url
from headbox.services.webhook_delivery import Attempt
from headbox.settings import WebhookSettings
from headbox.types import storable

#: How much of an answer is read and remembered, in bytes.
ANSWER_BYTES = 1024
#: How long a connection is kept for the next message, in seconds.
KEEP_ALIVE_SECONDS = 2.0
_HEADERS: Final = {
    "Accept-Encoding": "identity",
    "Content-Type": "application/json",
    "User-Agent": f"headbox/{__version__}",
}
_PRIVATE = "its address is not public, and HEADBOX_WEBHOOK_PRIVATE_ADDRESSES is false"


@dataclass(frozen=True, slots=True)
class Poster:
    """Sends messages.

    Attributes:
        session: Follows no redirect, and keeps no cookie.
        settings: How long a receiver may take, and where it may be.
    """

    session: aiohttp.ClientSession
    settings: WebhookSettings

    @classmethod
    @asynccontextmanager
    async def opened(cls, settings: WebhookSettings) -> AsyncIterator[Poster]:
        """Open connections as they are needed, and close them with the block."""
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                # Each webhook has one at a time.
                limit=0,
                # Shorter than receivers keep connections: a message on one that is being closed would have failed.
                keepalive_timeout=KEEP_ALIVE_SECONDS,
                socket_factory=None if settings.private_addresses else public_socket,
            ),
            timeout=aiohttp.ClientTimeout(total=settings.timeout_seconds),
            headers=_HEADERS,
            cookie_jar=aiohttp.DummyCookieJar(),
            # Of a body that is never unpacked, a small part stays a small part.
            auto_decompress=False,
            read_bufsize=ANSWER_BYTES,
        ) as session:
            yield cls(session, settings)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Attempt:
        """Send a message, and return what came of it, whatever that is."""
        began = datetime.now(UTC)
        clock = time.monotonic()
        status, answer, retry_after = None, "", None
        try:
            target = parse_url(url)
            # Names are judged by the address that is connected to.
            if not self.settings.private_addresses and not may_be_public_host(target.host or ""):
                raise PrivateAddressError
            async with self.session.post(target, data=body, headers=headers, allow_redirects=False) as response:
                status = response.status
                retry_after = parse_retry_after(response.headers.get("Retry-After"))
                answer = _text(await response.content.read(ANSWER_BYTES))
            error = _refusal(status)
        except (aiohttp.ClientError, OSError, ValueError) as failure:
            # What has answered has the message: how its answer ends does not matter.
            error = _refusal(status) if status is not None else self._reason(failure)
        return Attempt(
            at=began,
            milliseconds=round((time.monotonic() - clock) * 1000),
            status=status,
            error=error,
            answer=answer,
            retry_after_seconds=retry_after,
            is_gone=status == HTTPStatus.GONE,
        )

    def _reason(self, failure: Exception) -> str:
        if isinstance(failure, TimeoutError):
            return f"it did not answer within {self.settings.timeout_seconds:g} seconds"
        system = failure.os_error if isinstance(failure, aiohttp.ClientConnectorError) else failure
        if isinstance(system, PrivateAddressError):
            return _PRIVATE
        return cause(failure) if isinstance(failure, aiohttp.ClientError | OSError) else "its address is no URL"


def _refusal(status: int) -> str | None:
    """Return what is wrong with an answer, or None when it says that the message was taken."""
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return None
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return f"it answered {status}, and redirects are not followed"
    return f"it answered {status}"


def _text(answer: bytes) -> str:
    """Return an answer as text that any database takes."""
    return storable(answer.decode(errors="replace"))
