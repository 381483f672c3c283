"""Tasks as clients see them: their state, whole in each message, up to the final one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, Final, TypedDict

from headbox.client.connection import Connection
from headbox.client.errors import ServerUnreachable
from headbox.client.subscriptions import messages

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
#: How long a lost server may stay away while a task is watched, in seconds.
RECONNECT_SECONDS = 60.0
#: Wait between two attempts to reach it again, in seconds.
RECONNECT_PAUSE_SECONDS = 1.0


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
    loop = asyncio.get_running_loop()
    give_up_at = loop.time()
    while True:
        try:
            async with aclosing(messages(connection, WATCH_TASK, {"id": task_id})) as states:
                async for data in states:
                    yield data["task"]
                    if data["task"]["state"] in FINAL_STATES:
                        return
                    give_up_at = loop.time() + RECONNECT_SECONDS
            lost = f"{connection.server} has stopped"
        except ServerUnreachable as error:
            if loop.time() >= give_up_at:
                raise
            lost = str(error)
        if on_lost is not None:
            on_lost(lost)
        await asyncio.sleep(RECONNECT_PAUSE_SECONDS)
