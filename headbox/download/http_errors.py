"""What goes wrong with a web server, in headbox's own words: no message holds what the server or a header said."""

from __future__ import annotations

import os
import ssl
from http import HTTPStatus

import aiohttp

from headbox.download.addresses import PrivateAddressError
from headbox.download.interface import RemoteAccess
from headbox.download.retry import parse_retry_after
from headbox.errors import HeadboxError, NotPermitted, RemoteResponse, RemoteUnreachable, TimedOut

#: Statuses of a server that may be well again soon.
_RETRYABLE_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
_ADVICE = {
    401: "check the remote's username and password",
    403: "check what the remote's username and password, or its headers, permit",
    404: "check the remote's URL, or whether the remote has just changed",
    407: "check the user name and password of the remote's proxy",
    429: "lower the remote's concurrency or rate limit",
}
#: What the client's errors mean; the first that fits holds.
_REASONS: dict[type[aiohttp.ClientError], str] = {
    aiohttp.ClientConnectorCertificateError: "its TLS certificate is not trusted",
    aiohttp.ClientConnectorDNSError: "its name is not known",
    aiohttp.ClientConnectorSSLError: "it speaks no TLS that headbox understands",
    aiohttp.ClientHttpProxyError: "the proxy refuses",
    aiohttp.ClientPayloadError: "the body ended before its end",
    aiohttp.ClientProxyConnectionError: "the proxy does not answer",
    aiohttp.InvalidURL: "its host is not valid",
    aiohttp.ServerDisconnectedError: "it closed the connection without an answer",
}
#: What will be no better the next time.
_HOPELESS = (aiohttp.ClientConnectorCertificateError, aiohttp.InvalidURL)


def status_error(url: str, response: aiohttp.ClientResponse) -> RemoteResponse:
    """Return the error for a response that is not the body that was asked for."""
    status = response.status
    try:
        reason = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        reason = f"{status}"
    if status in _ADVICE:
        reason += f": {_ADVICE[status]}"
    return RemoteResponse(
        url=url,
        status=status,
        reason=reason,
        retryable=status in _RETRYABLE_STATUSES,
        retry_after_seconds=parse_retry_after(response.headers.get("Retry-After")),
    )


def private_address(url: str) -> NotPermitted:
    """Return the error for an address that is not public."""
    hint = "Set HEADBOX_DOWNLOAD_PRIVATE_ADDRESSES to true if remotes may lie in the private network."
    return NotPermitted(what=f"Fetching {url}", reason="its address is not public", hint=hint)


def domain_error(url: str, error: aiohttp.ClientError | OSError, access: RemoteAccess) -> HeadboxError:
    """Return the error of headbox for one of the client's.

    Args:
        url: What was fetched, as messages may show it.
        error: What the client raised.
        access: For the timeouts.
    """
    if isinstance(error, TimeoutError):
        return TimedOut(url=url, seconds=_timeout_seconds(error, access))
    if isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, PrivateAddressError):
        return private_address(url)
    if isinstance(error, aiohttp.ClientResponseError) and not isinstance(error, aiohttp.ClientHttpProxyError):
        return RemoteResponse(url=url, reason="with something that is not HTTP")
    unreachable = RemoteUnreachable(url=url, reason=cause(error))
    unreachable.retryable = not isinstance(error, _HOPELESS)
    return unreachable


def _timeout_seconds(error: TimeoutError, access: RemoteAccess) -> float | None:
    match error:
        case aiohttp.ConnectionTimeoutError():
            return access.connect_timeout
        case aiohttp.SocketTimeoutError():
            return access.read_timeout
        case _:
            return access.total_timeout


def cause(error: aiohttp.ClientError | OSError) -> str:
    """Return why nothing came of a request, for people."""
    for kind, reason in _REASONS.items():
        if isinstance(error, kind):
            return reason
    system = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    # By its number: event loops have words of their own for a connection that nobody takes. TLS has other numbers.
    if isinstance(system, OSError) and not isinstance(system, ssl.SSLError) and system.errno:
        return os.strerror(system.errno)
    return "the connection broke off"
