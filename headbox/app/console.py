"""The web console: a page that shows what the API tells. Nothing in it comes from elsewhere."""

from __future__ import annotations

from pathlib import Path

from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from headbox.schema.graphiql import ImmutableFiles

FOLDER = Path(__file__).parent.parent / "web_assets" / "console"
#: Where the console is; its build knows it too.
PATH = "/console/"
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    # The page names the assets of one build; they can be kept for ever, and it cannot.
    "Cache-Control": "no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_NOT_BUILT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>headbox</title></head>
<body><h1>headbox</h1>
<p>The console is not here yet: <code>make setup</code> builds it. The API is at <a href="/graphql">/graphql</a>.</p>
</body></html>
"""
#: Smaller assets gain nothing from being compressed, in bytes.
_COMPRESSED_FROM = 1024


def routes() -> list[BaseRoute]:
    """Return the routes of the console: its assets, and one page for whatever address the console has below its own."""
    assets = GZipMiddleware(ImmutableFiles(directory=FOLDER / "assets", check_dir=False), minimum_size=_COMPRESSED_FROM)
    return [
        Route(PATH.rstrip("/"), lambda _: RedirectResponse(PATH), methods=["GET"]),
        Mount(f"{PATH}assets", app=assets),
        Route(f"{PATH}{{address:path}}", _page, methods=["GET"]),
    ]


async def _page(_: Request) -> Response:
    index = FOLDER / "index.html"
    if not index.is_file():
        return HTMLResponse(_NOT_BUILT, headers=HEADERS)
    return FileResponse(index, headers=HEADERS)
