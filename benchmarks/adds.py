"""Repositories that the benchmarks change by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.site import BenchmarkFailed, Site
from headbox.client import Client

#: SHA-256 of no bytes: the body of every file that is added.
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#: Most content units that one mutation makes.
AT_ONCE = 500

CREATE_REPOSITORY = """
mutation Create($name: String!) {
  createFileRepository(input: { name: $name }) { repository { id } errors { message } }
}
"""
CREATE_UPLOAD = """
mutation Upload { createUpload(input: { size: 0 }) { upload { id } errors { message } } }
"""
CREATE_CONTENTS = """
mutation Contents($input: CreateFileContentsInput!) {
  createFileContents(input: $input) { results { content { id } } errors { message } }
}
"""
ADD = """
mutation Add($input: CreateFileAddInput!) { createFileAdd(input: $input) { task { id } errors { message } } }
"""


async def make_repository(site: Site, name: str) -> str:
    """Create a repository and return its id."""
    payload = await _mutate(site.client, CREATE_REPOSITORY, {"name": name})
    repository: str = payload["repository"]["id"]
    return repository


async def make_files(site: Site, paths: Sequence[str]) -> list[str]:
    """Make content units of empty files and return their ids."""
    # An upload of no bytes is complete at once.
    await _mutate(site.client, CREATE_UPLOAD, {})
    made: list[str] = []
    for start in range(0, len(paths), AT_ONCE):
        items = [{"relativePath": path, "sha256": EMPTY} for path in paths[start : start + AT_ONCE]]
        payload = await _mutate(site.client, CREATE_CONTENTS, {"input": {"items": items}})
        made += [result["content"]["id"] for result in payload["results"]]
    return made


async def add(client: Client, repository: str, units: Sequence[str]) -> str:
    """Create a task that adds content units, and return its id."""
    payload = await _mutate(client, ADD, {"input": {"repository": repository, "add": list(units)}})
    task: str = payload["task"]["id"]
    return task


async def _mutate(client: Client, document: str, variables: dict[str, Any]) -> dict[str, Any]:
    """Run a document of one mutation, and return its payload.

    Raises:
        BenchmarkFailed: It has errors.
    """
    [payload] = (await client.execute(document, variables)).values()
    if payload["errors"]:
        raise BenchmarkFailed(str(payload["errors"]))
    return dict(payload)
