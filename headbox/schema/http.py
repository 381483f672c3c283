"""GraphQL over HTTP: media types, status codes, bounds, and what keeps pages of other sites out.

A page of another site can send a browser here with a form or with plain text, but not with JSON: for that the browser
asks first, and is told no. So JSON is all that a POST may hold, and a GET changes nothing.

Source: GraphQL over HTTP, working draft of 2025; GraphQL over Server-Sent Events, "distinct connections mode".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from graphql import GraphQLError, OperationType
from starlette.requests import Request
from starlette.responses import Response

from headbox.schema.requests import Documents
from headbox.schema.results import Wanted

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
EVENT_STREAM = "text/event-stream"
#: What answers can be, the most wanted first.
MEDIA_TYPES = (JSON, GRAPHQL_JSON, EVENT_STREAM)


class Refused(Exception):
    """A request that is not executed.

    Attributes:
        status: HTTP status of the answer.
        headers: Headers of the answer.
    """

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


def media_type(accept: str | None) -> str:
    """Return the media type that a client wants most of those that there are.

    Many clients accept streams beside JSON for whatever they ask: where they do, a stream is for subscriptions alone.

    Raises:
        Refused: It takes none of them.
    """
    if not accept:
        return JSON
    wanted = _wanted(accept)
    best = max(MEDIA_TYPES[:2], key=lambda media: _weight(wanted, media))
    if _weight(wanted, best) > 0:
        return best
    if wanted.get(EVENT_STREAM, 0.0) > 0:
        return EVENT_STREAM
    raise Refused(406, f"The answer can be one of: {', '.join(MEDIA_TYPES)}.")


def takes_streams(accept: str | None) -> bool:
    """Tell whether a client names streams among what it accepts: one that takes anything need not know of them."""
    return _wanted(accept or "").get(EVENT_STREAM, 0.0) > 0


def _wanted(accept: str) -> dict[str, float]:
    return dict(_weighted(part) for part in accept.split(","))


def _weighted(part: str) -> tuple[str, float]:
    media, *parameters = (piece.strip().lower() for piece in part.split(";"))
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return media, float(parameter[2:])
            except ValueError:
                return media, 0.0
    return media, 1.0


def _weight(wanted: Mapping[str, float], media: str) -> float:
    for pattern in (media, "application/*", "*/*"):
        if pattern in wanted:
            return wanted[pattern]
    return 0.0


async def parameters(request: Request, max_body_bytes: int) -> Wanted:
    """Return what a request asks for.

    Raises:
        Refused: It is no GraphQL request, or too large.
    """
    if request.method not in {"GET", "POST"}:
        raise Refused(405, "GraphQL takes GET and POST.", {"Allow": "GET, POST"})
    if request.method == "GET":
        given: Any = {
            name: _json(value.encode(), name) if name in {"variables", "extensions"} else value
            for name, value in request.query_params.items()
            if value
        }
    else:
        _check_content_type(request)
        given = _json(await _body(request, max_body_bytes), "The body")
    if not isinstance(given, dict):
        raise Refused(
            400, "The body must be a JSON object with `query` and, if needed, `variables` and `operationName`."
        )
    return _checked(given)


def _checked(given: dict[str, Any]) -> Wanted:
    query, variables, name = given.get("query"), given.get("variables"), given.get("operationName")
    if not isinstance(query, str) or not query.strip():
        raise Refused(400, "`query` is required: a GraphQL document as text.")
    if not isinstance(variables, dict | None):
        raise Refused(400, "`variables` must be an object.")
    if not isinstance(name, str | None):
        raise Refused(400, "`operationName` must be a text.")
    if not isinstance(given.get("extensions"), dict | None):
        raise Refused(400, "`extensions` must be an object.")
    return Wanted(query, variables, name or None)


def _check_content_type(request: Request) -> None:
    media, *options = (part.strip().lower() for part in request.headers.get("Content-Type", "").split(";"))
    charset = next((option[8:].strip('"') for option in options if option.startswith("charset=")), "utf-8")
    if media != JSON or charset not in {"utf-8", "utf8"}:
        raise Refused(415, f"The Content-Type must be {JSON}, in UTF-8.")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Refused(415, "A body with a Content-Encoding is not taken.")


async def _body(request: Request, max_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise Refused(413, f"The body has more than {max_bytes} bytes.", {"Connection": "close"})
    return bytes(body)


def _json(text: bytes, what: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Refused(400, f"{what} is not JSON: {error}.") from error


def answered_as(documents: Documents, wanted: Wanted, *, method: str, accept: str | None) -> str:
    """Return the media type of the answer to a request whose method and media types go with what it does.

    Raises:
        GraphQLError: The document cannot be read, or holds no operation that is meant.
        Refused: A GET would change something, or a subscription would not be streamed.
    """
    operation = documents.check(wanted.query).operation(wanted.operation_name).operation
    if method == "GET" and operation is OperationType.MUTATION:
        raise Refused(405, "A mutation is sent with POST.", {"Allow": "POST"})
    if operation is not OperationType.SUBSCRIPTION:
        return media_type(accept)
    if not takes_streams(accept):
        raise Refused(400, f"A subscription needs a WebSocket, or {EVENT_STREAM} in Accept.")
    return EVENT_STREAM


def answer(data: Any, errors: list[GraphQLError] | None, extensions: dict[str, Any] | None, media: str) -> Response:
    """Return the answer to a request that was understood.

    When nothing was executed, there is no `data`, and with the newer media type the status says so.
    """
    was_executed = data is not None or any(error.path for error in errors or ())
    body: dict[str, Any] = {}
    if errors:
        body["errors"] = [error.formatted for error in errors]
    if was_executed:
        body["data"] = data
    if extensions:
        body["extensions"] = extensions
    is_refused = bool(errors) and not was_executed and media == GRAPHQL_JSON
    return _response(orjson.dumps(body), 400 if is_refused else 200, media)


def again(body: bytes, media: str) -> Response:
    """Return an answer that was given before, by its body."""
    return _response(body, 200, media)


def refusal(refused: Refused, media: str) -> Response:
    """Return the answer to a request that was not executed."""
    body = orjson.dumps({"errors": [{"message": str(refused)}]})
    return _response(body, refused.status, media, refused.headers)


def _response(body: bytes, status: int, media: str, headers: Mapping[str, str] | None = None) -> Response:
    # Streams have no status of their own for what goes wrong before them.
    content_type = f"{JSON if media == EVENT_STREAM else media}; charset=utf-8"
    return Response(
        body,
        status,
        {
            "Content-Type": content_type,
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
            **(headers or {}),
        },
    )
