"""The tutorial, followed to the letter: its plugin as a distribution of its own, beside an unchanged headbox."""

import asyncio
import hashlib
import json
import subprocess
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest

from headbox.client import Client
from tests.support.tutorial import Tutorial, read_tutorial
from tests.support.tutorial_server import HEADBOX, TUTORIAL_URL, Installed, serving
from tests.support.upstream import Upstream
from tests.support.waiting import PATIENCE_SECONDS

pytestmark = pytest.mark.embedded

CHAIR = b"four legs"
FILES = {
    "lamp-1.0.bin": b"bright\n",
    "lamp-1.0.txt": b"How to use the lamp\n",
    "chairs/chair 2.1.bin": CHAIR,
}
CHAIR_LISTED = {
    "name": "chair",
    "version": "2.1",
    "artifacts": [
        {"path": "chairs/chair 2.1.bin", "sha256": hashlib.sha256(CHAIR).hexdigest(), "size": len(CHAIR)},
    ],
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed.of(read_tutorial(), tmp_path_factory.mktemp("headbox-thing"))


@pytest.fixture(scope="module")
def server(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(installed, tmp_path_factory.mktemp("server")) as url:
        yield url


@pytest.fixture
async def client(server: str) -> AsyncIterator[Client]:
    async with Client(server) as client:
        yield client


@pytest.fixture(scope="module")
def upstream(installed: Installed) -> Iterator[Upstream]:
    """What the tutorial's upstream has, whose artifacts bring no digests, and a thing whose artifact brings one."""
    listing = json.loads(installed.tutorial.listing)
    listing["things"].append(CHAIR_LISTED)
    with Upstream({**FILES, "things.json": json.dumps(listing).encode()}) as upstream:
        yield upstream


@pytest.fixture(scope="module")
def mirror(installed: Installed, server: str, upstream: Upstream) -> dict[str, Any]:
    """The distribution that the tutorial's mutation makes, once its first sync is done."""
    return asyncio.run(follow(installed.tutorial, server, upstream.url_of("things.json")))


async def follow(tutorial: Tutorial, server: str, url: str) -> dict[str, Any]:
    mutation, subscription, _ = tutorial.operations
    assert TUTORIAL_URL in mutation
    async with Client(server) as client:
        payload = (await client.execute(mutation.replace(TUTORIAL_URL, url)))["createThingRepository"]
        assert payload["errors"] == []
        states = [data["task"] async for data in client.subscribe(subscription, {"id": payload["task"]["id"]})]
    assert states[-1]["error"] is None
    assert states[-1]["state"] == "COMPLETED"
    assert states[-1]["repositoryVersion"] == {"number": 1}
    assert [action["name"] for action in states[-1]["actions"]] == ["sync", "publish", "distribute"]
    return dict(payload["distributions"][0])


async def fetch(url: str) -> bytes:
    async with aiohttp.ClientSession(raise_for_status=True) as session, session.get(url) as response:
        return await response.read()


async def test_api_has_what_the_plugin_declares(client: Client) -> None:
    data = await client.execute(
        "{ __schema { types { name } queryType { fields { name } } mutationType { fields { name } } }"
        " taskTypes { kind graphqlType mutation } status { plugins { name version } } }"
    )

    types, queries, mutations = (
        {entry["name"] for entry in entries}
        for entries in (
            data["__schema"]["types"],
            data["__schema"]["queryType"]["fields"],
            data["__schema"]["mutationType"]["fields"],
        )
    )
    assert types >= {"Thing", "ThingRepository", "ThingRemote", "ThingPublishSettings", "ThingSync", "ThingPublish"}
    assert queries >= {"things", "thingRepositories", "thingRemotes", "thingSyncs", "thingPublishes"}
    assert mutations >= {
        "createThingRepository",
        "updateThingRepository",
        "createThingRemote",
        "updateThingRemote",
        "createThingSync",
        "createThingPublish",
    }
    assert {"kind": "thing.sync", "graphqlType": "ThingSync", "mutation": "createThingSync"} in data["taskTypes"]
    assert {"name": "thing", "version": "1.0.0"} in data["status"]["plugins"]


async def test_descriptions_in_the_api_are_the_docstrings_of_the_plugin(client: Client) -> None:
    data = await client.execute('{ __type(name: "Thing") { description fields { name description } } }')

    assert data["__type"]["description"] == "One version of a thing."
    assert {"name": "version", "description": "Which version of it this is."} in data["__type"]["fields"]


async def test_every_artifact_of_every_thing_is_served(mirror: dict[str, Any]) -> None:
    assert {path: await fetch(f"{mirror['url']}{path}") for path in FILES} == FILES


async def test_index_lists_the_things_with_the_digests_that_upstream_did_not_tell(mirror: dict[str, Any]) -> None:
    index = json.loads(await fetch(f"{mirror['url']}things.json"))

    by_name = {thing["name"]: thing for thing in index["things"]}
    assert by_name == {
        "chair": CHAIR_LISTED,
        "lamp": {
            "name": "lamp",
            "version": "1.0",
            "artifacts": [
                {"path": path, "sha256": hashlib.sha256(FILES[path]).hexdigest(), "size": len(FILES[path])}
                for path in ("lamp-1.0.bin", "lamp-1.0.txt")
            ],
        },
    }


@pytest.mark.usefixtures("mirror")
async def test_things_are_found_by_a_searched_field(installed: Installed, client: Client) -> None:
    find_lamps = installed.tutorial.operations[2]

    lamps = (await client.execute(find_lamps))["things"]["edges"]
    both = (await client.execute("{ things(first: 10) { edges { node { name } } } }"))["things"]["edges"]

    assert [(edge["node"]["name"], edge["node"]["version"]) for edge in lamps] == [("lamp", "1.0")]
    assert [artifact["size"] for artifact in lamps[0]["node"]["artifacts"]] == [7, 20]
    assert sorted(edge["node"]["name"] for edge in both) == ["chair", "lamp"]


async def test_what_is_published_can_be_synced_from(mirror: dict[str, Any], client: Client) -> None:
    created = (
        await client.execute(
            """
            mutation ($url: String!) {
              createThingRepository(
                input: { name: "second", remote: { create: { name: "first", url: $url } }, sync: true }
              ) { task { id } errors { message } }
            }
            """,
            {"url": f"{mirror['url']}things.json"},
        )
    )["createThingRepository"]

    final = await final_state(client, created["task"]["id"])

    assert (final["state"], final["repositoryVersion"]["summary"]["present"]) == ("COMPLETED", 2)


async def test_list_that_pydantic_refuses_fails_the_sync_and_names_the_place(client: Client) -> None:
    listing = {"things": [CHAIR_LISTED, {"name": "table", "version": 3, "artifacts": []}]}
    with Upstream({"things.json": json.dumps(listing).encode()}) as upstream:
        created = (
            await client.execute(
                """
                mutation ($url: String!) {
                  createThingRepository(
                    input: { name: "broken", remote: { create: { name: "broken", url: $url } }, sync: true }
                  ) { task { id } errors { message } }
                }
                """,
                {"url": upstream.url_of("things.json")},
            )
        )["createThingRepository"]
        final = await final_state(client, created["task"]["id"])

        assert final["state"] == "FAILED"
        url = upstream.url_of("things.json")
        assert final["error"] == {
            "code": "METADATA_INVALID",
            "message": f"{url} cannot be read: things.1.version: Input should be a valid string.",
        }


async def final_state(client: Client, task_id: str) -> dict[str, Any]:
    watch = """
        subscription ($id: ID!) {
          task(id: $id) {
            state
            error { code message }
            ... on ThingSync { repositoryVersion { summary { present } } }
          }
        }
    """
    states = [data["task"] async for data in client.subscribe(watch, {"id": task_id})]
    return dict(states[-1])


def test_command_line_has_the_commands_of_the_plugin(installed: Installed) -> None:
    result = installed.run("thing", "sync", "create", "--help")

    assert (result.returncode, result.stderr) == (0, "")
    assert "--repository" in result.stdout
    assert "--watch" in result.stdout


@pytest.mark.usefixtures("mirror")
def test_command_of_the_tutorial_syncs_and_watches(installed: Installed, server: str) -> None:
    result = installed.run("thing", "sync", "create", "--server", server, "--repository", "things", "--watch")

    assert result.returncode == 0, result.stderr
    assert result.stderr.endswith("thing.sync: completed\n")


def test_headbox_without_the_distribution_knows_nothing_of_things(installed: Installed) -> None:
    without = {name: value for name, value in installed.environment.items() if name != "PYTHONPATH"}

    result = subprocess.run(
        [HEADBOX, "schema"], env=without, capture_output=True, text=True, check=True, timeout=PATIENCE_SECONDS
    )

    assert "FileRepository" in result.stdout
    assert "ThingRepository" not in result.stdout
