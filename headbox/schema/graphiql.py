"""GraphiQL: the page that a browser gets, with worked operations in its tabs. Nothing in it comes from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import orjson
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from headbox.kinds import Example

ASSETS = Path(__file__).parent.parent / "web_assets" / "graphiql"
#: Where the page expects its assets; its build knows it too.
ASSETS_PATH = "/graphql-assets"
#: What the build leaves in the page for the operations.
PLACEHOLDER = "<!--headbox:examples-->"
HEADERS = {
    # Workers are made from blobs by the editor; styles are set by it as it runs.
    "Content-Security-Policy": (
        "default-src 'self'; style-src 'self' 'unsafe-inline'; worker-src 'self' blob:; img-src 'self' data:;"
        " font-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
    ),
    "Cache-Control": "no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_NOT_BUILT = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>headbox</title></head>
<body><h1>headbox</h1>
<p>The GraphQL API answers at this address. GraphiQL is not here yet: <code>make setup</code> builds it.</p>
</body></html>
"""

EXAMPLES = (
    Example(
        name="The server",
        query="""\
query Server {
  status {
    version
    plugins { name version }
    database { name ok detail }
    broker { name ok detail }
    storage { name ok detail }
    workersOnline
    tasks { waiting running completed failed canceled }
  }
  taskTypes { kind mutation description }
}
""",
    ),
    Example(
        name="Watch all tasks",
        query="""\
# Every task, whenever it is created, starts, progresses or ends; the unfinished ones first.
subscription Tasks {
  tasks {
    id
    kind
    state
    actions { name state reports { message done total unit } }
    error { code message hint }
  }
}
""",
    ),
    Example(
        name="What is served",
        query="""\
query Served {
  distributions(first: 20) {
    edges {
      node {
        name
        url
        source { __typename }
        serving { createdAt }
        servingVersion { number repository { name } summary { present } }
      }
    }
  }
}
""",
    ),
)


def page(plugin_examples: Iterable[Example]) -> HTMLResponse:
    """Return the page; a plain one that tells what to do where the assets were not built."""
    index = ASSETS / "index.html"
    if not index.is_file():
        return HTMLResponse(_NOT_BUILT, headers=HEADERS)
    examples = [
        {"name": example.name, "query": example.query, "variables": example.variables}
        for example in (*plugin_examples, *EXAMPLES)
    ]
    # Within a script element, "<" could end it.
    data = orjson.dumps(examples).decode().replace("<", "\\u003c")
    script = f'<script type="application/json" id="headbox-examples">{data}</script>'
    return HTMLResponse(index.read_text(encoding="utf-8").replace(PLACEHOLDER, script), headers=HEADERS)


class ImmutableFiles(StaticFiles):
    """Files whose names change with their contents."""

    def file_response(self, full_path: str, stat_result: object, scope: Scope, status_code: int = 200) -> Response:  # type: ignore[override]
        response = super().file_response(full_path, stat_result, scope, status_code)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def assets() -> Mount:
    """Return the route of the page's assets."""
    return Mount(ASSETS_PATH, ImmutableFiles(directory=ASSETS, check_dir=False))
