"""The second tutorial, followed to the letter: units that need others, in a plugin of a distribution of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from headbox.client import Client
from tests.support.tutorial import Tutorial, read_second_tutorial
from tests.support.tutorial_server import TUTORIAL_URL, Installed, serving
from tests.support.upstream import Upstream

pytestmark = pytest.mark.embedded

FILES = {
    "lamp-1.0.bin": b"bright\n",
    "lamp-1.0.txt": b"How to use the lamp\n",
    "bulb-7.bin": b"seven\n",
    "rug-2.bin": b"soft\n",
}
EVERYTHING = {"lamp 1.0", "bulb 7", "rug 2", "reading-corner 1"}
NEW_REPOSITORY = """
mutation ($name: String!) {
  createThingRepository(input: { name: $name }) { repository { id } errors { message } }
}
"""
HELD = """
query ($id: ID!) {
  node(id: $id) { ... on Repository { latestVersion { content(first: 100) { edges {
    origin node { __typename id ... on Thing { name version } ... on Bundle { name version things } }
  } } } } }
}
"""


@dataclass(frozen=True)
class Bundles:
    """A server with the plugin, and the repository that the page has its reader mirror.

    Attributes:
        source: Id of the repository.
    """

    tutorial: Tutorial
    client: Client
    source: str

    async def begin(self, operation: int, **variables: Any) -> str:
        """Run a mutation of the page, and return the id of its task."""
        [payload] = (await self.client.execute(self.tutorial.operations[operation], variables)).values()
        assert payload["errors"] == []
        task_id: str = payload["task"]["id"]
        return task_id

    async def ended(self, task_id: str) -> dict[str, Any]:
        """Wait for the end of a task as the page does, and return its last state."""
        watch = self.tutorial.operations[3]
        states = [data["task"] async for data in self.client.subscribe(watch, {"id": task_id})]
        return dict(states[-1])

    async def new_repository(self, name: str) -> str:
        payload = (await self.client.execute(NEW_REPOSITORY, {"name": name}))["createThingRepository"]
        assert payload["errors"] == []
        repository_id: str = payload["repository"]["id"]
        return repository_id

    async def copied(self, name: str) -> str:
        """Copy what was mirrored into a new repository, and return its id."""
        target = await self.new_repository(name)
        ended = await self.ended(await self.begin(1, repository=target, source=self.source))
        assert (ended["state"], ended["error"]) == ("COMPLETED", None)
        return target

    async def remove(self, repository: str, *units: str) -> dict[str, Any]:
        """Remove units, each `name version`, and return how the task ended."""
        known = await self.held(repository)
        ids = [known[unit]["id"] for unit in units]
        return await self.ended(await self.begin(2, repository=repository, things=ids))

    async def held(self, repository: str) -> dict[str, dict[str, Any]]:
        """Return the units of a repository, by name and version."""
        version = (await self.client.execute(HELD, {"id": repository}))["node"]["latestVersion"]
        nodes = [{**edge["node"], "origin": edge["origin"]} for edge in version["content"]["edges"]]
        return {f"{node['name']} {node['version']}": node for node in nodes}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed.of(read_second_tutorial(), tmp_path_factory.mktemp("headbox-thing"))


@pytest.fixture(scope="module")
def server(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(installed, tmp_path_factory.mktemp("server")) as url:
        yield url


@pytest.fixture(scope="module")
def source(installed: Installed, server: str) -> str:
    """The repository that the page's first mutation makes, once it is synced."""
    listing = installed.tutorial.listing.encode()
    with Upstream({**FILES, "things.json": listing}) as upstream:
        return asyncio.run(mirror(installed.tutorial, server, upstream.url_of("things.json")))


async def mirror(tutorial: Tutorial, server: str, url: str) -> str:
    assert TUTORIAL_URL in tutorial.operations[0]
    async with Client(server) as client:
        created = await client.execute(tutorial.operations[0].replace(TUTORIAL_URL, url))
        payload = created["createThingRepository"]
        assert payload["errors"] == []
        ended = [data["task"] async for data in client.subscribe(tutorial.operations[3], {"id": payload["task"]["id"]})]
    assert (ended[-1]["state"], ended[-1]["error"]) == ("COMPLETED", None)
    repository_id: str = payload["repository"]["id"]
    return repository_id


@pytest.fixture
async def bundles(installed: Installed, server: str, source: str) -> AsyncIterator[Bundles]:
    async with Client(server) as client:
        yield Bundles(installed.tutorial, client, source)


async def test_bundles_are_synced_beside_their_things(bundles: Bundles) -> None:
    held = await bundles.held(bundles.source)

    assert held.keys() == EVERYTHING
    corner = held["reading-corner 1"]
    assert (corner["__typename"], corner["things"]) == ("Bundle", ["lamp 1.0", "bulb 7"])


async def test_copy_brings_bundles_with_their_things(bundles: Bundles) -> None:
    target = await bundles.copied("copied")

    held = await bundles.held(target)
    assert held.keys() == EVERYTHING
    assert {unit["origin"] for unit in held.values()} == {"COPY"}


async def test_thing_that_a_bundle_needs_cannot_be_removed(bundles: Bundles) -> None:
    target = await bundles.copied("refused")
    before = await bundles.held(target)

    ended = await bundles.remove(target, "bulb 7")

    assert (ended["state"], ended["repositoryVersion"]) == ("FAILED", None)
    assert ended["error"]["code"] == "UNIT_CONFLICT"
    assert ended["error"]["message"].endswith("are needed by others: 'reading-corner 1'.")
    assert ended["error"]["needed"] == [before["bulb 7"]["id"]]
    assert ended["error"]["neededBy"] == [before["reading-corner 1"]["id"]]
    assert await bundles.held(target) == before


async def test_bundle_goes_together_with_its_things(bundles: Bundles) -> None:
    target = await bundles.copied("removed")

    ended = await bundles.remove(target, "bulb 7", "reading-corner 1")

    assert ended["state"] == "COMPLETED"
    assert ended["repositoryVersion"] == {"number": 2, "summary": {"present": 2, "added": 0, "removed": 2}}
    assert (await bundles.held(target)).keys() == {"lamp 1.0", "rug 2"}


async def test_thing_that_nobody_needs_goes_alone(bundles: Bundles) -> None:
    target = await bundles.copied("rug")

    assert (await bundles.remove(target, "rug 2"))["state"] == "COMPLETED"

    assert (await bundles.held(target)).keys() == EVERYTHING - {"rug 2"}


def test_command_line_has_the_commands_of_the_plugin(installed: Installed) -> None:
    for noun, option in (("add", "--remove"), ("copy", "--with-needed")):
        result = installed.run("thing", noun, "create", "--help")
        assert (result.returncode, result.stderr) == (0, "")
        assert option in result.stdout
