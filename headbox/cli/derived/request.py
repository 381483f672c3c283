"""What a derived command sends, and the result of it."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from headbox.cli.derived.operations import Operation, Shape
from headbox.cli.derived.references import is_global_id, resolved
from headbox.cli.derived.selection import selection
from headbox.cli.failures import Failure
from headbox.cli.watch import watch
from headbox.client import Client
from headbox.client.client import ANSWER_TIMEOUT_SECONDS

#: How long the answer to a plan may take, in seconds: reading a remote takes minutes, and the server bounds it.
PLAN_TIMEOUT_SECONDS = 3600.0


async def perform(client: Client, operation: Operation, given: dict[str, Any], *, is_watched: bool) -> Any:
    """Run an operation and return its result.

    Args:
        client: The server.
        operation: The operation.
        given: Its variables, with references in place of ids.
        is_watched: Whether to show the task that it returns until that has ended.

    Returns:
        A payload or a plan without its errors, the task in the final state when it is watched; a page as `nodes` and
        `pageInfo`, the nodes with what their edges say; or the objects or values as they are.

    Raises:
        Failure: What is asked for is not there.
        ClientError: The server refused, and nothing was changed.
    """
    text, values = document(operation, await resolved(client, given))
    timeout_seconds = PLAN_TIMEOUT_SECONDS if operation.shape is Shape.PLAN else ANSWER_TIMEOUT_SECONDS
    if operation.shape in {Shape.PAYLOAD, Shape.PLAN}:
        payload = await client.mutate(text, values, timeout_seconds=timeout_seconds)
        if is_watched and payload.get("task"):
            payload["task"] |= await watch(client, payload["task"]["id"], Console(stderr=True))
        return payload
    result = (await client.execute(text, values, timeout_seconds=timeout_seconds))["result"]
    if operation.shape is Shape.CONNECTION:
        nodes = [edge.pop("node") for edge in result["edges"]]
        rows = [{**edge, **node} for edge, node in zip(result["edges"], nodes, strict=True)]
        return {"nodes": rows, "pageInfo": result["pageInfo"]}
    if result is None:
        raise _missing(operation, values)
    return result


def document(operation: Operation, given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the document and its variables. What was not given is left to the server's defaults."""
    if operation.shape is Shape.OBJECT and "id" not in given:
        [key] = given.values()
        if is_global_id(key):
            assert operation.noun is not None, "an object has a type"
            fields = f"... on {operation.noun.name} {selection(operation)}"
            return f"query ($id: ID!) {{ result: node(id: $id) {{ {fields} }} }}", {"id": key}
    declared = ", ".join(f"${name}: {operation.field.args[name].type}" for name in given)
    passed = ", ".join(f"{name}: ${name}" for name in given)
    head = f"{operation.keyword} ({declared})" if given else operation.keyword
    call = f"{operation.name}({passed})" if given else operation.name
    return f"{head} {{ result: {f'{call} {selection(operation)}'.rstrip()} }}", given


def _missing(operation: Operation, values: dict[str, Any]) -> Failure:
    if operation.path[-1] != "show":
        return Failure("There is none.", hint=operation.field.description)
    return Failure(f"There is no {operation.path[-2].replace('-', ' ')} {next(iter(values.values()))!r}.")
