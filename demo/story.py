"""The main job, step by step."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from demo import documents
from demo.checking import check_files, check_gone, fetch_manifest
from demo.failure import DemoFailed
from demo.files import MANIFEST, Listed, change, write_manifest
from demo.processes import Server
from demo.screen import Screen
from headbox.cli.printable import printable
from headbox.cli.watch import watch
from headbox.client import Client
from headbox.client.tasks import WATCH_TASK

#: How a path lies between two versions: a changed file is a unit that was added and one that was removed.
_MARKS = {frozenset({"ADDED"}): "+", frozenset({"REMOVED"}): "-", frozenset({"ADDED", "REMOVED"}): "~"}
_STYLES = {"+": "green", "-": "red", "~": "yellow"}


class Story:
    """What happens between a server and an upstream.

    Args:
        screen: Where it is told.
        server: A new headbox server.
        session: For what is not GraphQL.
        client: For what is.
    """

    def __init__(self, screen: Screen, server: Server, session: aiohttp.ClientSession, client: Client) -> None:
        self._screen = screen
        self._server = server
        self._session = session
        self._client = client
        self._graphql = f"{server.url}graphql"
        self._figures: list[tuple[str, str, str]] = []

    async def mirror(self, url: str, listed: Mapping[str, Listed] | None) -> tuple[str, str, str]:
        """Mirror an upstream with one request, and check what is served.

        Args:
            url: Address of its manifest.
            listed: What the manifest lists, by path; None: whatever is served.

        Returns:
            The ids of the repository and of its first version, and the address of the distribution.
        """
        self._screen.step("One mutation: repository, remote, settings, distribution, first sync")
        made = await self._send(documents.MIRROR, {"url": url})
        payload = made["createFileRepository"]
        _check_errors(payload)
        folder_url = payload["distributions"][0]["url"]
        self._screen.done(f"The task is on its way; its files will be at {folder_url}")
        self._screen.step("One subscription: each message is the whole state of the task")
        version = await self._watch(payload["task"]["id"], "First sync to served")
        served = await fetch_manifest(self._session, folder_url)
        if listed is not None and served != listed:
            raise DemoFailed(f"{folder_url}{MANIFEST} does not list what the upstream's manifest lists")
        await self._check(folder_url, served)
        return payload["repository"]["id"], version["id"], folder_url

    async def sync_again(
        self, folder: Path, listed: Mapping[str, Listed], repository: str, first: str, url: str
    ) -> None:
        """Change an upstream, sync from it again, and check what changed.

        Args:
            folder: Where the files of the upstream lie.
            listed: What its manifest lists until now, by path.
            repository: Id of the repository.
            first: Id of the version that it has now.
            url: Address of the distribution.
        """
        self._screen.step("The upstream changes: sync again, as a mirror")
        changes = await asyncio.to_thread(change, folder, listed)
        now_listed = await asyncio.to_thread(write_manifest, folder)
        counts = f"{len(changes.added)} files added, {len(changes.changed)} changed, {len(changes.removed)} removed"
        self._screen.say(f"{counts} upstream.")
        made = (await self._send(documents.SYNC, {"repository": repository}))["createFileSync"]
        _check_errors(made)
        second = await self._watch(made["task"]["id"], "Second sync to served")

        self._screen.step("What lies between the two versions")
        between = await self._difference(first, second["id"])
        self._screen.show(_table(between))
        made_upstream = {"+": changes.added, "~": changes.changed, "-": changes.removed}
        if {path: mark for path, mark, _ in between} != {
            p: mark for mark, paths in made_upstream.items() for p in paths
        }:
            raise DemoFailed("the difference between the versions is not what was changed upstream")
        await self._check(url, now_listed)
        await check_gone(self._session, url, changes.removed)
        self._screen.done(f"The {len(changes.removed)} removed files answer 404")

    def tell_addresses(self, folder_url: str) -> None:
        """Print where to look."""
        self._screen.links(
            {
                "Console": f"{self._server.url}console/",
                "GraphiQL": self._graphql,
                "Served files": folder_url,
                "Metrics": f"{self._server.url}metrics",
                "Health": f"{self._server.url}readyz",
            }
        )

    def tell_figures(self, seconds: float) -> None:
        """Print what everything took."""
        self._screen.rows([*self._figures, ("All in all", f"{seconds:.1f} s", "")])

    async def keep(self) -> None:
        """Wait until whoever runs this has seen enough."""
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        self._screen.say("The server stays until you press Ctrl-C.", style="bold")
        await stop.wait()
        self._screen.console.print()

    async def _send(self, document: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        self._screen.document(self._graphql, document, variables)
        return await self._client.execute(document, variables)

    async def _watch(self, task_id: str, what: str) -> dict[str, Any]:
        """Show a task until it has completed, and return the version that it made."""
        self._screen.document(self._graphql, WATCH_TASK, {"id": task_id}, "WebSocket")
        task = await watch(self._client, task_id, self._screen.console)
        if task["state"] != "COMPLETED":
            raise DemoFailed(f"the task has {task['state'].lower()}", (task["error"] or {}).get("message", ""))
        self._screen.console.print()
        synced = await self._send(documents.SYNCED, {"task": task_id})
        version: dict[str, Any] | None = synced["task"]["repositoryVersion"]
        if version is None:
            raise DemoFailed("the upstream lists no files: there is nothing to serve")
        counts = version["summary"]
        summary = f"{counts['added']:,} files added, {counts['removed']:,} removed"
        self._screen.done(f"Version {version['number']}: {counts['present']:,} files; {summary}")
        started, finished = (datetime.fromisoformat(time or "") for time in (task["startedAt"], task["finishedAt"]))
        seconds = (finished - started).total_seconds()
        self._figures.append((what, f"{seconds:.2f} s", summary))
        return version

    async def _check(self, folder_url: str, listed: Mapping[str, Listed]) -> None:
        self._screen.step("Fetch every file from the distribution and check its SHA-256")
        with self._screen.bar(len(listed)) as on_file:
            fetched = await check_files(self._session, folder_url, listed, on_file)
        amount = f"{fetched.files:,} files, {decimal(fetched.bytes)}"
        self._screen.done(f"{amount}: every one is what the upstream's manifest promises")
        self._figures.append(("Fetched and checked", f"{fetched.seconds:.2f} s", amount))

    async def _difference(self, old: str, new: str) -> list[tuple[str, str, int]]:
        """Return what lies between two versions: paths in order, each with its mark and its latest size in bytes."""
        variables: dict[str, Any] = {"from": old, "to": new}
        self._screen.document(self._graphql, documents.DIFFERENCE, variables)
        found: dict[str, dict[str, int]] = {}
        has_more = True
        while has_more:
            page = (await self._client.execute(documents.DIFFERENCE, variables))["versionDiff"]
            for edge in page["edges"]:
                found.setdefault(edge["node"]["relativePath"], {})[edge["change"]] = edge["node"]["size"]
            has_more, variables["after"] = page["pageInfo"]["hasNextPage"], page["pageInfo"]["endCursor"]
        return [
            (path, _MARKS[frozenset(sizes)], sizes.get("ADDED", sizes.get("REMOVED", 0)))
            for path, sizes in sorted(found.items())
        ]


def _table(between: Sequence[tuple[str, str, int]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(overflow="fold")
    table.add_column(justify="right", no_wrap=True, style="dim")
    for path, mark, size in between:
        table.add_row(Text(mark, style=f"bold {_STYLES[mark]}"), Text(printable(path), _STYLES[mark]), decimal(size))
    return table


def _check_errors(payload: Mapping[str, Any]) -> None:
    """Make sure that a mutation did what it was asked for.

    Raises:
        DemoFailed: It was refused.
    """
    if errors := payload["errors"]:
        first = errors[0]
        raise DemoFailed(f"{first['code']}: {first['message']}", first["hint"] or "")
