"""Folders, as a page for people and as JSON for programs."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from urllib.parse import parse_qs, quote, urlencode

import orjson

from headbox.content_app.exchange import CACHE_CONTROL, NOSNIFF, Exchange
from headbox.content_app.problem import BadRequest
from headbox.services.serving import Entry, Listing
from headbox.types import check_relative_path

#: Most entries on a page.
PAGE_ENTRIES = 1_000

_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.25rem; font-weight: 600; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .5rem; border-bottom: 1px solid; }
th, td { border-color: color-mix(in srgb, currentColor 15%, transparent); }
th { font-weight: 600; font-size: .875rem; }
td:first-child { overflow-wrap: anywhere; }
th:last-child, td:last-child { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
a { text-decoration: none; }
a:hover, a:focus-visible { text-decoration: underline; }
nav, p { margin: 1rem 0; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'".encode()
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Index of {path}</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>Index of {path}</h1>
{before}<table>
<thead><tr><th scope="col">Name</th><th scope="col">Size</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
{after}</main>
</body>
</html>
"""


def after_of(exchange: Exchange) -> str | None:
    """Return the name of the entry that the page asked for begins behind, or None for the first page.

    Raises:
        BadRequest: It is no name.
    """
    after = _parameter(exchange, "after")
    if after is None:
        return None
    name = after.removesuffix("/")
    try:
        check_relative_path(name)
    except ValueError as error:
        raise BadRequest(f"The parameter `after` is not the name of an entry: {error}.") from None
    if "/" in name:
        raise BadRequest("The parameter `after` is the name of an entry, not a path.")
    return after


async def send_listing(exchange: Exchange, path: str, listing: Listing) -> None:
    """Answer with one page of a folder.

    Args:
        exchange: The request.
        path: Address of the folder below the host, decoded.
        listing: The page.
    """
    if _wants_json(exchange):
        body, headers = _json(path, listing), [(b"content-type", b"application/json")]
    else:
        body = _html(path, listing, is_first=after_of(exchange) is None).encode()
        headers = [(b"content-type", b"text/html; charset=utf-8"), (b"content-security-policy", _POLICY)]
    headers += [
        (b"content-length", str(len(body)).encode()),
        (b"vary", b"accept"),
        CACHE_CONTROL,
        NOSNIFF,
    ]
    await exchange.answer(200, headers, body)


def _parameter(exchange: Exchange, name: str) -> str | None:
    values = parse_qs(exchange.query).get(name)
    return values[-1] if values else None


def _wants_json(exchange: Exchange) -> bool:
    match _parameter(exchange, "format"):
        case "json":
            return True
        case "html":
            return False
        case None:
            accept = exchange.header(b"accept") or ""
            return _quality(accept, "application/json") > _quality(accept, "text/html")
        case _:
            raise BadRequest("The parameter `format` is json or html.")


def _quality(accept: str, media_type: str) -> float:
    """Return how much a client wants a media type that it names, from 0 to 1; 0 when it does not name it."""
    for choice in accept.split(","):
        name, *parameters = (part.strip().lower() for part in choice.split(";"))
        if name == media_type:
            quality = next((text[2:] for text in parameters if text.startswith("q=")), "1")
            try:
                return float(quality)
            except ValueError:
                return 0.0
    return 0.0


def _json(path: str, listing: Listing) -> bytes:
    entries = [
        {"name": entry.name, "type": "folder"}
        if entry.is_folder
        else {"name": entry.name, "type": "file", "size": entry.size}
        for entry in listing.entries
    ]
    following = None if listing.next is None else _next(listing.next, format="json")
    return orjson.dumps({"path": path, "entries": entries, "next": following})


def _html(path: str, listing: Listing, *, is_first: bool) -> str:
    before = "" if is_first else '<nav><a href="./">First page</a></nav>\n'
    after = ""
    if not listing.entries:
        after = "<p>This folder is empty.</p>\n"
    elif listing.next is not None:
        after = f'<nav><a href="{escape(_next(listing.next))}" rel="next">Next page</a></nav>\n'
    rows = [_row(entry) for entry in listing.entries]
    # The topmost folder is the content app's own.
    if path.strip("/").count("/"):
        rows.insert(0, '<tr><td><a href="../">../</a></td><td></td></tr>')
    return _PAGE.format(path=escape(path), style=_STYLE, before=before, rows="\n".join(rows), after=after)


def _row(entry: Entry) -> str:
    # The dot keeps a name such as "data:x" from being an address of its own.
    href = escape("./" + quote(entry.name))
    size = "" if entry.is_folder else human_size(entry.size)
    return f'<tr><td><a href="{href}">{escape(entry.name)}</a></td><td>{size}</td></tr>'


def _next(after: str, **parameters: str) -> str:
    return "?" + urlencode({"after": after, **parameters})


def human_size(size: int | None) -> str:
    """Return a number of bytes in the unit that people would use, or "unknown"."""
    if size is None:
        return "unknown"
    if size < 1024:
        return f"{size} B"
    amount = float(size)
    for unit in ("KiB", "MiB", "GiB"):
        amount /= 1024
        if amount < 1023.95:
            return f"{amount:.1f} {unit}"
    return f"{amount / 1024:.1f} TiB"
