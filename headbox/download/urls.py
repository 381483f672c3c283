"""URLs as remotes write them: parsed without being rewritten, compared by origin, and shown without secrets."""

from __future__ import annotations

import re

from yarl import URL

from headbox.errors import RemoteNotSyncable

_USERINFO = re.compile(r"^([^/?#]*//)[^/?#]*@")


def safe_url(url: str) -> str:
    """Return a URL as messages may show it: without user name and password."""
    return _USERINFO.sub(r"\1", url) if "@" in url else url


def parse_url(text: str) -> URL:
    """Return a URL or a reference relative to one.

    One that can be sent as it stands stays as it stands: normalizing it would break the signatures that storage
    services put into their links.

    Raises:
        ValueError: It is not a URL.
    """
    is_plain = text.isascii() and text.isprintable() and " " not in text
    url = URL(text, encoded=is_plain)
    # Some faults of the authority show only when it is asked for.
    if url.absolute and not 0 < (url.port or 1) < 65536:
        raise ValueError("the port is out of range")
    return url


def parse_remote_url(text: str) -> URL:
    """Return the URL of a remote.

    Raises:
        RemoteNotSyncable: It is not one.
    """
    try:
        return parse_url(text)
    except ValueError:
        raise RemoteNotSyncable(remote=safe_url(text), reason="its address is not a URL") from None


def parse_http_url(text: str, remote: str) -> URL:
    """Return an absolute http or https URL, without user name, password and fragment.

    Args:
        text: The URL.
        remote: URL of the remote that it belongs to, for the message.

    Raises:
        RemoteNotSyncable: It is not one.
    """
    try:
        url = parse_url(text)
        is_named = bool(url.host)  # Decoded when it is first read: a host can be wrong in itself.
    except ValueError:
        url, is_named = URL(), False
    if url.scheme not in ("http", "https") or not is_named:
        raise RemoteNotSyncable(remote=safe_url(remote), reason=f"{safe_url(text)!r} is not a URL")
    return bare(url)


def bare(url: URL) -> URL:
    """Return an absolute URL without user name, password and fragment."""
    if url.raw_user is None and url.raw_password is None and not url.raw_fragment:
        return url
    return url.with_user(None).with_fragment(None)


def origin(url: URL) -> tuple[str, str, int | None]:
    """Return the scheme, host and port of an absolute URL.

    Source: RFC 6454, section 4.
    """
    return url.scheme, (url.raw_host or "").lower(), url.port
