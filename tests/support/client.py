"""What a client asks a server for: the mutations and queries that acceptance tests share."""

from __future__ import annotations

from typing import Any

from tests.support.server import HeadboxServer
from tests.support.waiting import wait_until

CREATE = """
    mutation Create($input: CreateFileRepositoryInput!) {
      createFileRepository(input: $input) {
        repository { id } task { id state } errors { code message path hint }
      }
    }
"""
SYNC = """
    mutation Sync($input: CreateFileSyncInput!) {
      createFileSync(input: $input) { task { id state } errors { code message path hint } }
    }
"""
TASK = """
    query Task($id: ID!) {
      task(id: $id) {
        id state error { code message hint retryable }
        blockedBy { id }
        ... on FileSync { remoteRevision repositoryVersion { number } publication { id } }
      }
    }
"""


def create_mirror(server: HeadboxServer, url: str, base_path: str, **fields: Any) -> dict[str, Any]:
    """Create a repository that mirrors a manifest and is served; `fields` are more of the mutation's input."""
    values = {
        "name": base_path,
        "remote": {"create": {"name": base_path, "url": url}},
        "publishSettings": {"create": {}},
        "distributions": [{"basePath": base_path}],
        "automation": "DISTRIBUTE",
        "syncMode": "MIRROR",
        **fields,
    }
    return unrefused(server.query(CREATE, {"input": values})["createFileRepository"])


def sync(server: HeadboxServer, repository: str, **fields: Any) -> dict[str, Any]:
    """Create a sync and return its task."""
    answer = server.query(SYNC, {"input": {"repository": repository, **fields}})
    task: dict[str, Any] = unrefused(answer["createFileSync"])["task"]
    return task


def unrefused(payload: dict[str, Any]) -> dict[str, Any]:
    """Return the payload of a mutation that was not refused."""
    assert payload["errors"] == [], payload["errors"]
    return payload


def task(server: HeadboxServer, task_id: str) -> dict[str, Any]:
    """Return a task as it stands."""
    found: dict[str, Any] = server.query(TASK, {"id": task_id})["task"]
    return found


def finished(server: HeadboxServer, task_id: str) -> dict[str, Any]:
    """Wait for the end of a task and return it."""
    wait_until(lambda: task(server, task_id)["state"] in {"COMPLETED", "FAILED", "CANCELED"})
    return task(server, task_id)


def completed(server: HeadboxServer, task_id: str) -> dict[str, Any]:
    """Wait for a task that is to complete and return it."""
    done = finished(server, task_id)
    assert done["state"] == "COMPLETED", done
    return done
