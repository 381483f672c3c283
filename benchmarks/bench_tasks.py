"""Tasks of the benchmarks' own plugin: created by mutations, and waited for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Iterator, Sequence
from itertools import islice
from typing import Any

from benchmarks.site import BenchmarkFailed, Site

#: Mutations that are under way at a time.
SIDE_BY_SIDE = 8
#: Most tasks of one group.
GROUP_SIZE = 500
#: How often is asked whether anything is left to do, in seconds.
POLL_SECONDS = 0.02
#: How long tasks may take, in seconds.
PATIENCE_SECONDS = 300.0

CREATE_REPOSITORY = """
mutation Create($name: String!) {
  createFileRepository(input: {name: $name}) { repository { id } errors { message } }
}
"""
CREATE = """
mutation Create($input: CreateBenchTaskInput!) {
  createBenchTask(input: $input) { task { id } errors { message } }
}
"""
CREATE_GROUP = """
mutation CreateGroup($input: CreateTaskGroupInput!) {
  createTaskGroup(input: $input) { taskGroup { id } errors { message } }
}
"""
UNFINISHED = "{ tasks(first: 1, filter: {state: [WAITING, RUNNING, CANCELING]}) { edges { node { id } } } }"


class BenchTasks:
    """Creates tasks that do nothing, or little."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def repositories(self, count: int) -> list[str]:
        """Create so many repositories and return their ids."""
        creating = (self._mutate(CREATE_REPOSITORY, {"name": f"bench-{number}"}) for number in range(count))
        return [payload["repository"]["id"] for payload in await _side_by_side(creating)]

    async def create(self, repositories: Sequence[str], *, milliseconds: int = 0, reports: bool = False) -> list[str]:
        """Create a task for each of the repositories, a few at a time, and return their ids."""
        holding = {"milliseconds": milliseconds, "reports": reports}
        creating = (
            self._mutate(CREATE, {"input": {"repository": repository, **holding}}) for repository in repositories
        )
        return [payload["task"]["id"] for payload in await _side_by_side(creating)]

    async def create_groups(self, repositories: Sequence[str]) -> None:
        """Create a task for each of the repositories, as many as can be with each mutation."""
        rest = iter(repositories)
        while some := list(islice(rest, GROUP_SIZE)):
            tasks = [{"benchTask": {"repository": repository, "milliseconds": 0}} for repository in some]
            await self._mutate(CREATE_GROUP, {"input": {"tasks": tasks}})

    async def all_ended(self) -> None:
        """Return once no task waits or runs.

        Raises:
            BenchmarkFailed: One does for long.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (await self._site.client.execute(UNFINISHED))["tasks"]["edges"]:
            if time.monotonic() > deadline:
                raise BenchmarkFailed("tasks do not end")
            await asyncio.sleep(POLL_SECONDS)

    async def _mutate(self, document: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Run a document of one mutation, and return its payload.

        Raises:
            BenchmarkFailed: It was refused.
        """
        (payload,) = (await self._site.client.execute(document, variables)).values()
        if payload["errors"]:
            raise BenchmarkFailed(str(payload["errors"]))
        return dict(payload)


async def _side_by_side(jobs: Iterator[Awaitable[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Do jobs, a few at a time, and return what each gave, in their order."""
    results: dict[int, dict[str, Any]] = {}
    numbered = enumerate(jobs)

    async def work() -> None:
        for number, job in numbered:
            results[number] = await job

    await asyncio.gather(*(work() for _ in range(SIDE_BY_SIDE)))
    return [results[number] for number in sorted(results)]
