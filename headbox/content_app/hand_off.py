"""Answers that let another server send the bytes of a stored file: what keeps it, or the proxy in front."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar, Protocol
from urllib.parse import quote

from typing_extensions import override

from headbox.content_app.conditions import allows_range
from headbox.content_app.exchange import Exchange, Headers
from headbox.content_app.files import File
from headbox.content_app.media import is_active
from headbox.errors import StorageUnavailable
from headbox.settings import StorageSettings
from headbox.storage import ArtifactStorage
from headbox.storage.keys import key_of

_EMPTY = (b"content-length", b"0")
#: A signed URL ends, and is for the client who asked.
_NO_STORE = (b"cache-control", b"no-store")


class HandOff(Protocol):
    """A way to let another server send bytes.

    Attributes:
        judged: Conditions that the other server would judge by tags and times of its own, and wrongly: one path can
            have an older file today than it had yesterday.
    """

    judged: ClassVar[Collection[bytes]]

    async def answer(self, file: File, digest: str) -> tuple[int, Headers]:
        """Return status and headers of the answer, which has no body."""
        ...


class SignedUrls(HandOff):
    """Sends clients to the bucket."""

    # Tags are no trouble: those of a bucket are different for different bytes.
    judged = (b"if-match", b"if-modified-since", b"if-unmodified-since")

    def __init__(self, storage: ArtifactStorage, seconds: int) -> None:
        self._storage = storage
        self._seconds = seconds

    @override
    async def answer(self, file: File, digest: str) -> tuple[int, Headers]:
        url = await self._storage.signed_url(digest, self._seconds)
        if url is None:
            raise StorageUnavailable(reason="it has no URLs")
        return 302, [(b"location", url.encode()), _NO_STORE, _EMPTY]


class InternalRedirects(HandOff):
    """Has nginx send a file from its own disk.

    Source: https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_ignore_headers, X-Accel-Redirect.
    """

    # The tags of nginx are made of time and size: other bytes can have the same.
    judged = (*SignedUrls.judged, b"if-none-match")

    def __init__(self, prefix: str) -> None:
        self._prefix = quote(prefix)

    @override
    async def answer(self, file: File, digest: str) -> tuple[int, Headers]:
        path = (self._prefix + key_of(digest)).encode()
        return 200, [*file.headers, (b"content-type", file.content_type.encode()), (b"x-accel-redirect", path), _EMPTY]


def hand_off_of(settings: StorageSettings, storage: ArtifactStorage) -> HandOff | None:
    """Return the way that the settings choose, or None when headbox sends all bytes itself."""
    match settings.delivery:
        case "redirect":
            return SignedUrls(storage, settings.signed_url_seconds)
        case "accel":
            return InternalRedirects(settings.accel_prefix)
        case "stream":
            return None


def may_hand_off(hand_off: HandOff, exchange: Exchange, file: File) -> bool:
    """Tell whether another server would answer a GET for a file that has changed as headbox does.

    A page that a browser would run is not handed off: it must not get there without the headers that keep it in.
    """
    return (
        not is_active(file.content_type)
        and allows_range(etag=file.etag, modified=file.modified, if_range=exchange.header(b"if-range"))
        and not any(exchange.header(name) for name in hand_off.judged)
    )
