"""Tasks that hold a repository, and where their attempts began."""

from __future__ import annotations

from typing import Any

from tests.chaos.clients import key_of
from tests.chaos.journal import Journal
from tests.support.client import unrefused
from tests.support.server import HeadboxServer

HOLD = """
    mutation Hold($input: CreateChaosHoldInput!) {
      createChaosHold(input: $input) { task { id } errors { code message } }
    }
"""


def hold(api: HeadboxServer, repository: str, milliseconds: int) -> str:
    """Let a task hold a repository, and return its id."""
    values = {"repository": repository, "milliseconds": milliseconds}
    task_id: str = unrefused(api.query(HOLD, {"input": values})["createChaosHold"])["task"]["id"]
    return task_id


def began(record: Journal, task_id: str) -> list[dict[str, Any]]:
    """Return where the attempts at a task began."""
    return [entry for entry in record.entries() if entry["event"] == "began" and entry["task"] == key_of(task_id)]
