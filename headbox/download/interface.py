"""What headbox asks of whoever fetches from remotes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RemoteAccess:
    """How to reach a remote.

    Attributes:
        url: Where the remote lies. Credentials and headers go to its origin (scheme, host and port) and nowhere else.
        username: For HTTP basic authentication; the URL's own when None.
        password: For HTTP basic authentication; the URL's own when `username` is None.
        headers: Sent with every request to the origin.
        proxy_url: HTTP proxy for every request.
        tls_verify: Whether certificates are checked.
        concurrency: Most requests at once.
        rate_limit: Most requests a second, retries and redirects included; None for no limit.
        max_retries: Most repetitions of a request that failed in a way that can heal.
        connect_timeout: For one connection, TLS included, in seconds.
        read_timeout: Between two arrivals of bytes, in seconds.
        total_timeout: For one request with its body, in seconds; None for no limit.
    """

    url: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    proxy_url: str | None = field(default=None, repr=False)
    tls_verify: bool = True
    concurrency: int = 10
    rate_limit: float | None = None
    max_retries: int = 3
    connect_timeout: float = 30.0
    read_timeout: float = 60.0
    total_timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Validators:
    """What a remote said of a body, to ask later whether it has changed.

    Source: RFC 9110, section 8.8.
    """

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A body that was fetched whole.

    Attributes:
        size: Its length in bytes.
        sha256: Its digest, declared or not.
        validators: For the next time.
    """

    size: int
    sha256: str
    validators: Validators


class ByteStream(Protocol):
    """The body of a remote file, checked on its way.

    Attributes:
        size: Its length in bytes, as announced or else as declared; None when nobody told.
        sha256: Its digest; None until all of it has come.
    """

    size: int | None
    sha256: str | None

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the bytes in order, once, in chunks that are not empty.

        The last chunk is handed out after all checks: whoever passes the chunks on never passes on a whole wrong body.

        Raises:
            ArtifactInvalid: The size is not the declared one.
            DigestMismatch: The digest is not the declared one.
            TooLarge: The limit was reached.
            RemoteUnreachable, TimedOut: The body broke off.
        """
        ...


class Downloader(Protocol):
    """Fetches the files of one remote by their URLs: http, https, and file for remotes that are local folders.

    Requests that fail in a way that can heal are repeated, after waits that grow and that heed Retry-After.

    Every method raises:
        RemoteUnreachable: No connection, or it broke off.
        RemoteResponse: The remote answered with something else, such as 404.
        TimedOut: No answer in time.
        NotPermitted: The address, or the local path, is off limits.
        RemoteNotSyncable: The URL is none, or has a scheme that is not fetched.
        ArtifactInvalid, DigestMismatch, TooLarge: The body is not what was declared.
    """

    async def fetch(
        self,
        url: str,
        destination: Path,
        *,
        max_bytes: int,
        size: int | None = None,
        sha256: str | None = None,
        if_changed: Validators | None = None,
        on_bytes: Callable[[int], None] | None = None,
    ) -> Fetched | None:
        """Fetch a file into `destination`, which must not exist; when that fails, it does not exist afterwards either.

        Args:
            url: Where the file lies.
            destination: Where it goes.
            max_bytes: Longest body that is taken, declared or not.
            size: Declared length in bytes; a body is given up as soon as it is longer.
            sha256: Declared digest.
            if_changed: What the remote said of the file the last time.
            on_bytes: Called with the number of bytes that arrived, and with a negative number when what had arrived is
                thrown away, so that the sum is always that of the bytes at `destination`.

        Returns:
            What was fetched, or None when the file is still the one that `if_changed` describes.

        Raises:
            StorageFull: There is no space for it.
        """
        ...

    def stream(
        self, url: str, *, max_bytes: int, size: int | None = None, sha256: str | None = None
    ) -> AbstractAsyncContextManager[ByteStream]:
        """Open the body of a file, to be passed on while it arrives.

        Requests are repeated only until the first chunk can be handed out. What is wrong with a short body is therefore
        raised here, and not while it is iterated.

        Args:
            url: Where the file lies.
            max_bytes: Longest body that is taken, declared or not.
            size: Declared length in bytes.
            sha256: Declared digest.
        """
        ...
