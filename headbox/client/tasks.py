"""Tasks as clients see them: their state, whole in each message, up to the final one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, Final, TypedDict

from headbox.client.connection import Connection
from headbox.client.subscriptions import followed

#: The state of a task, whole in each message.
WATCH_TASK = """\
subscription WatchTask($id: ID!) {
  task(id: $id) {
    id
    kind
    state
    startedAt
    finishedAt
    actions {
      name
      state
      startedAt
      finishedAt
      reports { code message state unit done total totalKind rate etaSeconds suffix }
    }
    blockedBy { id kind state }
    createdResources { __typename id }
    error { code message path hint retryable }
  }
}
"""
#: The states that a task ends in.
FINAL_STATES: Final = frozenset({"COMPLETED", "FAILED", "CANCELED"})


class TaskState(TypedDict):
    """A task as it is at a moment; times are in ISO 8601.

    `actions` are in the order they began, each with `name`, `state`, `startedAt`, `finishedAt` and `reports`; a report
    has `code`, `message`, `state`, `unit`, `done`, `total` (None while nobody knows), `totalKind`, `rate`, `etaSeconds`
    and `suffix`. `error` has the fields of a `UserError`.
    """

    id: str
    kind: str
    state: str
    startedAt: str | None
    finishedAt: str | None
    actions: list[dict[str, Any]]
    blockedBy: list[dict[str, Any]]
    createdResources: list[dict[str, Any]]
    error: dict[str, Any] | None


async def follow(
    connection: Connection, task_id: str, *, on_lost: Callable[[str], None] | None = None
) -> AsyncGenerator[TaskState, None]:
    """Yield the states of a task up to its final one, through restarts of the server.

    Args:
        connection: The server.
        task_id: Its global id.
        on_lost: Told why, each time the connection is lost.

    Raises:
        ServerUnreachable: The server cannot be reached at first, or is away for too long.
        NotAuthorized: The token is missing, wrong or has expired, at first or meanwhile.
        OperationRefused: There is no such task.
    """
    async with aclosing(followed(connection, WATCH_TASK, {"id": task_id}, on_lost=on_lost)) as states:
        async for data in states:
            yield data["task"]
            if data["task"]["state"] in FINAL_STATES:
                return
