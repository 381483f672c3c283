"""What is sent to a GraphQL server, and its answers: their data, or what they refuse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp
import orjson

from headbox.client.connection import AWAY
from headbox.client.errors import MutationRefused, NotHeadbox, OperationRefused, ServerUnreachable, UserError


def request_of(document: str, variables: Mapping[str, Any] | None) -> bytes:
    """Return what is sent for an operation.

    Raises:
        OperationRefused: The variables hold what JSON has not, such as half a character or a number beyond 64 bits.
    """
    try:
        return orjson.dumps({"query": document, "variables": dict(variables or {})})
    except orjson.JSONEncodeError as error:
        raise OperationRefused(f"the variables cannot be sent: {error}") from error


def read_answer(body: bytes, response: aiohttp.ClientResponse) -> dict[str, Any]:
    """Return the data of a response.

    Raises:
        OperationRefused: It has errors.
        ServerUnreachable: A proxy says that the server is away.
        NotHeadbox: It is not an answer of a GraphQL server.
    """
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict) or not answer.keys() & {"data", "errors"}:
        answered = f"{response.url} answered {response.status} {response.reason}"
        if response.status in AWAY:
            raise ServerUnreachable(answered)
        raise NotHeadbox(f"{answered}, not a GraphQL result: it is no headbox")
    return read_result(answer)


def read_result(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the data of a result.

    Raises:
        OperationRefused: It has errors, or no data.
    """
    errors, data = result.get("errors"), result.get("data")
    if errors or not isinstance(data, dict):
        raise OperationRefused(said(errors), errors if isinstance(errors, list) else [])
    return data


def said(errors: Any) -> str:
    """Return the messages of errors in one line."""
    found = [error.get("message") for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    return "; ".join(str(message) for message in found if message) or "the server gave neither data nor a reason"


def checked(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return a payload or a plan without its errors.

    Raises:
        MutationRefused: It has errors.
    """
    if errors := payload.get("errors"):
        raise MutationRefused([UserError.of(error) for error in errors])
    return {name: value for name, value in payload.items() if name != "errors"}
