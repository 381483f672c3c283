"""The connection to a server: addresses, credentials, and answers that are none."""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from headbox import __version__
from headbox.client.errors import NotAuthorized, NotHeadbox, ServerUnreachable

#: How long a server may take to accept a connection, in seconds.
CONNECT_TIMEOUT_SECONDS = 10.0
#: How long a connection is kept for the next operation, in seconds: less than the server's 5.
IDLE_SECONDS = 3.0
#: How long the answer to the end of a WebSocket is waited for, in seconds.
CLOSE_SECONDS = 2.0
#: How often a WebSocket is asked whether it is alive, in seconds; after half of that without an answer it is lost.
HEARTBEAT_SECONDS = 20.0
#: Longest message of a subscription, in bytes.
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
#: Statuses of a proxy, or of a server that is being stopped: another try later may succeed.
AWAY = frozenset({502, 503, 504})

_TRANSPORT = "graphql-transport-ws"


class Connection:
    """The HTTP session with a server, opened when it is first used.

    Attributes:
        server: Address of the server without credentials and without a slash at its end.

    Raises:
        ServerUnreachable: That is no address.
        NotAuthorized: That is no token.
    """

    def __init__(self, server: str, *, token: str | None, ca_file: Path | None) -> None:
        try:
            url = URL(server)
        except ValueError as error:
            raise ServerUnreachable(f"{server!r} is not the address of a server") from error
        self.server = str(url.with_user(None) if url.user else url).rstrip("/")
        if url.scheme not in {"http", "https"} or not url.host or url.query_string or url.fragment:
            raise self._no_address()
        if token is not None and not _is_token(token):
            raise NotAuthorized("that is no token: a token is one word of ASCII characters")
        self._authorization = _authorization(url, token)
        self._ca_file = ca_file
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """End the session; another one is begun where the connection is used again."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    @asynccontextmanager
    async def request(
        self,
        method: str,
        address: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: Any = None,
        timeout: aiohttp.ClientTimeout,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request and give the response, whatever its status is.

        Raises:
            ServerUnreachable: There is no answer.
            NotAuthorized: The token is missing, wrong or has expired.
            NotHeadbox: The answer leads elsewhere: the API never does.
        """
        try:
            async with self._open().request(
                method, address, headers=headers, data=data, timeout=timeout, allow_redirects=False
            ) as response:
                self._check(response.status, response.reason, response.headers)
                yield response
        except aiohttp.InvalidURL as error:
            raise self._no_address() from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ServerUnreachable(f"{self.server} cannot be reached: {_reason(error)}") from error

    @asynccontextmanager
    async def websocket(self) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """Open a WebSocket for subscriptions, and close it at the end of the block.

        Raises:
            ServerUnreachable: It cannot be opened, or breaks off.
            NotAuthorized: The token is missing, wrong or has expired.
            NotHeadbox: What answers speaks another language.
        """
        try:
            async with self._open().ws_connect(
                f"{self.server}/graphql",
                protocols=(_TRANSPORT,),
                heartbeat=HEARTBEAT_SECONDS,
                timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS),
                max_msg_size=MAX_MESSAGE_BYTES,
            ) as socket:
                if socket.protocol != _TRANSPORT:
                    raise NotHeadbox(f"{self.server} does not speak {_TRANSPORT}: it is no headbox")
                yield socket
        except aiohttp.WSServerHandshakeError as error:
            self._check(error.status, error.message, error.headers or {})
            if error.status in AWAY:
                raise ServerUnreachable(f"{self.server} answered {error.status}") from error
            raise NotHeadbox(f"{self.server} answered {error.status}: it is no headbox") from error
        except aiohttp.InvalidURL as error:
            raise self._no_address() from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ServerUnreachable(f"{self.server} cannot be reached: {_reason(error)}") from error

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            headers = {"User-Agent": f"headbox-client/{__version__}"} | self._authorization
            self._session = aiohttp.ClientSession(
                # Given up before the server closes it: a mutation on a connection that is closing is not sent again.
                connector=aiohttp.TCPConnector(keepalive_timeout=IDLE_SECONDS, ssl=self._certificates(), limit=0),
                headers=headers,
            )
        return self._session

    def _certificates(self) -> ssl.SSLContext | bool:
        if self._ca_file is None:
            return True
        try:
            return ssl.create_default_context(cafile=self._ca_file)
        except OSError as error:
            raise ServerUnreachable(f"the CA file {self._ca_file} cannot be used: {error}") from error

    def _check(self, status: int, reason: str | None, headers: Mapping[str, str]) -> None:
        """Raise what a status means that no part of the API answers with."""
        answered = f"{self.server} answered {status} {reason or ''}".rstrip()
        if status in {401, 403}:
            raise NotAuthorized(f"{answered}: the token is missing, wrong or has expired")
        if 300 <= status < 400:
            raise NotHeadbox(f"{answered}, which leads to {headers.get('Location', 'nowhere')}")

    def _no_address(self) -> ServerUnreachable:
        return ServerUnreachable(f"{self.server!r} is not the address of a server")


def _is_token(text: str) -> bool:
    """Tell whether a text can be sent as a token: nothing in it ends the header."""
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def _authorization(url: URL, token: str | None) -> dict[str, str]:
    """Return the header with the token, or with the user name and the password of the address."""
    if token is not None:
        return {"Authorization": f"Bearer {token}"}
    return {"Authorization": aiohttp.encode_basic_auth(url.user, url.password or "")} if url.user else {}


def _reason(error: aiohttp.ClientError | TimeoutError) -> str:
    """Return why there is no answer, in the words of the operating system where it has some."""
    # What TLS calls an error number is none of the operating system's.
    if isinstance(error, aiohttp.ClientOSError) and not isinstance(error, aiohttp.ClientSSLError):
        return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
    return str(error) or "no answer in time"
