"""Bodies from web servers."""

from __future__ import annotations

import base64
from http import HTTPStatus
from typing import Final

import aiohttp
from aiolimiter import AsyncLimiter
from multidict import CIMultiDict
from typing_extensions import override
from yarl import URL

from headbox import __version__
from headbox.download.addresses import may_be_public_host, public_socket
from headbox.download.chunks import CHUNK_BYTES
from headbox.download.http_errors import domain_error, private_address, status_error
from headbox.download.interface import RemoteAccess, Validators
from headbox.download.source import Body, Source
from headbox.download.urls import bare, origin, parse_http_url, parse_remote_url, parse_url, safe_url
from headbox.errors import RemoteResponse
from headbox.settings import DownloadSettings

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
#: identity, because digests are those of the file and not of a compressed copy.
_HEADERS: Final = {"Accept-Encoding": "identity", "User-Agent": f"headbox/{__version__}"}
#: Part of a second whose requests may start at once under a rate limit: fewer timers, yet no burst worth the name.
_BURST_SECONDS = 0.1


class HttpBody(Body):
    """The body of a response."""

    def __init__(self, response: aiohttp.ClientResponse, access: RemoteAccess, url: str) -> None:
        headers = response.headers
        self.size = response.content_length
        self.validators = Validators(etag=_kept(headers.get("ETag")), last_modified=_kept(headers.get("Last-Modified")))
        self._response = response
        self._access = access
        self._url = url

    @override
    async def read(self) -> bytes:
        try:
            return await self._response.content.read(CHUNK_BYTES)
        except (aiohttp.ClientError, OSError) as error:
            raise domain_error(self._url, error, self._access) from error

    @override
    async def aclose(self) -> None:
        # Gives the connection back when the body has been read to its end, and cuts it off otherwise.
        self._response.release()


class HttpSource(Source):
    """Opens http and https URLs as a remote says.

    Redirects are followed here and not by the client, so that each hop is checked like the first one.
    """

    def __init__(self, access: RemoteAccess, settings: DownloadSettings) -> None:
        self._access = access
        self._max_redirects = settings.max_redirects
        self._private_addresses = settings.private_addresses
        url = parse_remote_url(access.url)
        self._origin = origin(url)
        self._origin_headers = _origin_headers(access, url)
        self._limiter = None if access.rate_limit is None else _limiter(access.rate_limit)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=access.concurrency,
                ttl_dns_cache=300,
                ssl=access.tls_verify,
                socket_factory=None if settings.private_addresses else public_socket,
            ),
            timeout=aiohttp.ClientTimeout(
                total=access.total_timeout, sock_connect=access.connect_timeout, sock_read=access.read_timeout
            ),
            headers=_HEADERS,
            # What one request is told must not change what another one gets.
            cookie_jar=aiohttp.DummyCookieJar(),
            # Some servers call a .gz file a compressed one: its bytes, too, are stored as they are.
            auto_decompress=False,
            read_bufsize=CHUNK_BYTES,
        )

    @override
    async def open(self, url: str, if_changed: Validators | None) -> HttpBody | None:
        shown = safe_url(url)
        start = parse_http_url(url, self._access.url)
        try:
            response = await self._follow(start, shown, _conditions(if_changed))
        except (aiohttp.ClientError, OSError) as error:
            raise domain_error(shown, error, self._access) from error
        if response.status == HTTPStatus.OK:
            return HttpBody(response, self._access, shown)
        response.release()
        if response.status == HTTPStatus.NOT_MODIFIED and if_changed is not None:
            return None
        raise status_error(shown, response)

    @override
    async def aclose(self) -> None:
        await self._session.close()

    async def _follow(self, url: URL, shown: str, conditions: dict[str, str]) -> aiohttp.ClientResponse:
        """Return the first response that is not a redirect."""
        seen = {url}
        while True:
            response = await self._request(url, shown, conditions)
            if response.status not in _REDIRECTS:
                return response
            response.release()
            target = _redirect_target(url, response, shown)
            if target in seen:
                raise _redirect_error(shown, response, "in a loop")
            if len(seen) > self._max_redirects:
                raise _redirect_error(shown, response, f"after {self._max_redirects} others, which is the limit")
            seen.add(target)
            url = target

    async def _request(self, url: URL, shown: str, conditions: dict[str, str]) -> aiohttp.ClientResponse:
        # A name is judged by the address that is connected to. A literal address is judged here as well, because behind
        # a proxy it is the proxy that connects.
        if not self._private_addresses and not may_be_public_host(url.host or ""):
            raise private_address(shown)
        headers = CIMultiDict(conditions)
        if origin(url) == self._origin:
            headers.update(self._origin_headers)
        if self._limiter is not None:
            await self._limiter.acquire()
        return await self._session.get(url, headers=headers, allow_redirects=False, proxy=self._access.proxy_url)


def _origin_headers(access: RemoteAccess, url: URL) -> CIMultiDict[str]:
    """Return the headers that only the remote's own origin may see."""
    headers = CIMultiDict(access.headers)
    username, password = (url.user, url.password) if access.username is None else (access.username, access.password)
    if username is not None:
        credentials = f"{username}:{password or ''}".encode()
        headers.setdefault("Authorization", f"Basic {base64.b64encode(credentials).decode()}")
    return headers


def _limiter(rate_limit: float) -> AsyncLimiter:
    burst = max(1.0, rate_limit * _BURST_SECONDS)
    return AsyncLimiter(burst, burst / rate_limit)


def _kept(value: str | None) -> str | None:
    """Return a header that can be stored and sent again; None for one with bytes that are no text."""
    # Such bytes come as lone surrogates, which are not printable, and which neither JSON nor a header takes.
    return value if value and value.isprintable() else None


def _conditions(if_changed: Validators | None) -> dict[str, str]:
    """Return the headers of a conditional request.

    Source: RFC 9110, section 13.1.
    """
    conditions = {}
    if if_changed is not None and if_changed.etag is not None:
        conditions["If-None-Match"] = if_changed.etag
    if if_changed is not None and if_changed.last_modified is not None:
        conditions["If-Modified-Since"] = if_changed.last_modified
    return conditions


def _redirect_target(url: URL, response: aiohttp.ClientResponse, shown: str) -> URL:
    """Return where a redirect leads, if one may go there."""
    try:
        target = url.join(parse_url(response.headers["Location"]))
    except (KeyError, ValueError):
        raise _redirect_error(shown, response, "to no valid URL") from None
    if target.scheme not in ("http", "https") or not target.host:
        raise _redirect_error(shown, response, f"to {target.scheme}:, which is not followed")
    if url.scheme == "https" and target.scheme == "http":
        raise _redirect_error(shown, response, "from https to http, which is not followed")
    return bare(target)


def _redirect_error(shown: str, response: aiohttp.ClientResponse, where: str) -> RemoteResponse:
    return RemoteResponse(url=shown, status=response.status, reason=f"with a redirect {where}")
