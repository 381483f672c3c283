"""Changing a repository by hand over the API: the operations, and what tests do with them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from headbox.models import Task
from headbox.resolvers.ids import GlobalId
from tests.factories.content import make_files
from tests.integration.schema.api import Api
from tests.integration.schema.ids import local_id
from tests.integration.schema.refusals import ERRORS

ADD = f"""
mutation ($input: CreateFileAddInput!) {{
  createFileAdd(input: $input) {{ task {{ id repository {{ name }} overwrite automation }} {ERRORS} }}
}}
"""
COPY = f"""
mutation ($input: CreateFileCopyInput!) {{
  createFileCopy(input: $input) {{ task {{ id source {{ number }} withNeeded }} {ERRORS} }}
}}
"""
ROLLBACK = f"""
mutation ($input: RollbackRepositoryInput!) {{
  rollbackRepository(input: $input) {{ task {{ id kind ... on FileAdd {{ base {{ number }} }} }} {ERRORS} }}
}}
"""
DELETE_VERSION = f"""
mutation ($id: ID!) {{
  deleteRepositoryVersion(id: $id) {{ repositoryVersion {{ number }} {ERRORS} }}
}}
"""
VERSION = """
query ($id: ID!, $number: BigInt!) {
  node(id: $id) { ... on Repository { version(number: $number) {
    id number base { number }
    summary { present added removed size byKind { kind present added removed size } }
    content(first: 100) { totalCount edges {
      origin addedAt addedBy { id kind } node { id ... on FileContent { relativePath sha256 } }
    } }
    added: content(first: 100, change: ADDED) { edges { node { ... on FileContent { relativePath } } } }
    removed: content(first: 100, change: REMOVED) { edges { node { ... on FileContent { relativePath } } } }
  } } }
}
"""


class Shelf:
    """A repository of files, as a client of the API has it.

    Attributes:
        id: Its global id.
    """

    def __init__(self, api: Api, id: str) -> None:
        self.api = api
        self.id = id

    @classmethod
    async def create(cls, api: Api, name: str, **fields: Any) -> Shelf:
        """Create the repository."""
        document = """
            mutation ($input: CreateFileRepositoryInput!) {
              createFileRepository(input: $input) { repository { id } errors { message } }
            }
        """
        payload = (await api.run(document, input={"name": name, **fields}))["createFileRepository"]
        assert payload["errors"] == []
        return cls(api, payload["repository"]["id"])

    async def begin(self, document: str, **values: Any) -> dict[str, Any]:
        """Run a mutation that creates a task, and return the task as it selects it."""
        [payload] = (await self.api.run(document, input=values)).values()
        assert payload["errors"] == []
        task: dict[str, Any] = payload["task"]
        return task

    async def begin_add(self, *files: tuple[str, str], **values: Any) -> dict[str, Any]:
        """Create an add of files, each a path and its text."""
        return await self.begin(ADD, repository=self.id, add=await file_ids(self.api, *files), **values)

    async def add(self, *files: tuple[str, str], **values: Any) -> Task:
        """Add files, each a path and its text, to the end."""
        return await self.completed(await self.begin_add(*files, **values))

    async def completed(self, task: dict[str, Any]) -> Task:
        """Wait for a task that is to complete, and return its row."""
        return await self.api.engine.completed(await Task.get(id=local_id(task["id"])))

    async def failed(self, task: dict[str, Any]) -> dict[str, Any]:
        """Wait for a task that is to fail, and return its error."""
        return await self.api.engine.failed(await Task.get(id=local_id(task["id"])))

    async def version(self, number: int) -> dict[str, Any]:
        """Return a version."""
        version: dict[str, Any] = (await self.api.run(VERSION, id=self.id, number=number))["node"]["version"]
        return version

    async def files(self, number: int) -> set[str]:
        """Return the paths that a version holds."""
        return paths((await self.version(number))["content"])


def paths(connection: dict[str, Any]) -> set[str]:
    """Return the paths of a connection of files."""
    return {edge["node"]["relativePath"] for edge in connection["edges"]}


def content_id(unit: UUID) -> str:
    """Return the global id of a file."""
    return str(GlobalId("FileContent", unit))


async def file_ids(api: Api, *files: tuple[str, str]) -> list[str]:
    """Make content units of files, each a path and its text, and return their global ids."""
    return [content_id(unit) for unit in await make_files(api.engine, *files)]
