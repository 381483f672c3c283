"""Publications and distributions, as mutations make and change them."""

from __future__ import annotations

import shlex
from uuid import UUID

import pytest

from headbox.models import RepositoryVersion, Task
from headbox.resolvers.ids import GlobalId
from tests.factories.repository import make_repository
from tests.factories.task import make_publish, make_sync
from tests.integration.schema.api import Api
from tests.integration.schema.ids import gid, local_id
from tests.integration.schema.refusals import ERRORS, refused
from tests.support.upstream import Upstream


async def test_distribution_follows_and_is_pinned(api: Api, files: Upstream) -> None:
    repository = await make_repository(api.engine, files)
    await api.engine.completed(await make_sync(api.engine, repository))
    publish = await api.engine.completed(await make_publish(api.engine, repository))
    publication = str(GlobalId("Publication", UUID(publish.result["publication"])))
    source = """
      source { __typename ... on PinnedPublication { publication { id } }
        ... on PinnedVersion { repositoryVersion { number } } ... on LatestOfRepository { repository { name } } }
      servingVersion { number }
    """
    update = f"""
    mutation ($input: UpdateDistributionInput!) {{
      updateDistribution(input: $input) {{ distribution {{ basePath revision {source} }} {ERRORS} }}
    }}
    """

    created = await api.run(
        f'mutation ($id: ID!) {{ createDistribution(input: {{basePath: "a/b", source: {{repository: $id}}}}) {{'
        f" distribution {{ id name {source} }} {ERRORS} }} }}",
        id=gid("FileRepository", repository),
    )
    distribution = created["createDistribution"]["distribution"]
    pinned = await api.run(update, input={"id": distribution["id"], "source": {"publication": publication}})
    stopped = await api.run(update, input={"id": distribution["id"], "source": None, "basePath": "c"})

    assert distribution["name"] == "a/b"
    assert distribution["source"] == {"__typename": "LatestOfRepository", "repository": {"name": repository.name}}
    assert distribution["servingVersion"] == {"number": 1}
    assert pinned["updateDistribution"]["distribution"]["source"] == {
        "__typename": "PinnedPublication", "publication": {"id": publication}
    }  # fmt: skip
    assert stopped["updateDistribution"] == {
        "distribution": {"basePath": "c", "revision": 3, "source": None, "servingVersion": None}, "errors": []
    }  # fmt: skip


async def test_clients_are_told_how_to_reach_what_is_served(api: Api) -> None:
    repository = await make_repository(api.engine, None)
    created = await api.run(
        """
        mutation ($id: ID!) {
          createDistribution(input: {basePath: "team/a", source: {repository: $id}}) {
            distribution { clientSetups { client } } errors { code } }
        }
        """,
        id=gid("FileRepository", repository),
    )
    assert created["createDistribution"]["distribution"] == {"clientSetups": []}
    await api.engine.completed(await make_publish(api.engine, repository, settings={"manifest": "it's a list"}))

    setups = (await api.run('{ distribution(basePath: "team/a") { url clientSetups { client text filename } } }'))[
        "distribution"
    ]

    texts = {setup["client"]: setup["text"] for setup in setups["clientSetups"]}
    command = shlex.split(texts["curl: the manifest, a line for each file"])
    assert command == ["curl", "-fsS", f"{setups['url']}it%27s%20a%20list"]
    assert all(setups["url"] in " ".join(shlex.split(text)) for text in texts.values())
    assert {setup["filename"] for setup in setups["clientSetups"]} == {None}


async def test_source_is_exactly_one_thing(api: Api) -> None:
    document = """
    mutation ($source: DistributionSourceInput) {
      createDistribution(input: {basePath: "a", source: $source}) { errors { code } }
    }
    """

    error = await api.fail(document, source={"repository": "a", "publication": "b"})

    assert "exactly one" in error["message"].lower()


async def test_held_back_publication_is_released_and_deleted(api: Api, files: Upstream) -> None:
    repository = await make_repository(api.engine, files, "base")
    await api.engine.completed(await make_sync(api.engine, repository))
    publish = """
    mutation ($id: ID!) { createFilePublish(input: {repository: $id, distributable: false}) {
      task { id distributable settings { manifest } repositoryVersion { number } } errors { code } } }
    """
    data = await api.run(publish, id=gid("FileRepository", repository))
    task = await api.engine.completed(await Task.get(id=local_id(data["createFilePublish"]["task"]["id"])))
    publication = str(GlobalId("Publication", UUID(task.result["publication"])))
    serving = '{ distribution(basePath: "base") { serving { id } } }'

    held = await api.run(serving)
    released = await api.run(
        "mutation ($id: ID!) { releasePublication(id: $id) { publication { distributable } errors { code } } }",
        id=publication,
    )
    served = await api.run(serving)
    deleted = await api.run(
        "mutation ($id: ID!) { deletePublication(id: $id) { publication { id } errors { code } } }", id=publication
    )

    assert data["createFilePublish"]["task"]["repositoryVersion"] == {"number": 1}
    assert held["distribution"]["serving"] is None
    assert released["releasePublication"] == {"publication": {"distributable": True}, "errors": []}
    assert served["distribution"]["serving"] == {"id": publication}
    assert deleted["deletePublication"] == {"publication": {"id": publication}, "errors": []}
    assert (await api.run(serving))["distribution"]["serving"] is None


@pytest.mark.parametrize(
    ("given", "code", "path"),
    [
        ((), "REQUIRED", ["input", "repositoryVersion"]),
        (("repository", "repositoryVersion"), "INVALID", ["input", "repositoryVersion"]),
        (("repository", "settings"), "INVALID", ["input", "settings", "create", "manifest"]),
    ],
)
async def test_publish_that_cannot_be(api: Api, given: tuple[str, ...], code: str, path: list[str]) -> None:
    repository = await make_repository(api.engine)
    version = await RepositoryVersion.get(repository_id=repository.id)
    values = {
        "repository": gid("FileRepository", repository),
        "repositoryVersion": gid("RepositoryVersion", version),
        "settings": {"create": {"manifest": "../x"}},
    }
    document = f"""
    mutation ($input: CreateFilePublishInput!) {{ createFilePublish(input: $input) {{ task {{ id }} {ERRORS} }} }}
    """

    [error] = await refused(api, document, input={name: values[name] for name in given})

    assert (error["code"], error["path"]) == (code, path)


async def test_publish_again_answers_with_the_one_that_stands(api: Api, files: Upstream) -> None:
    repository = await make_repository(api.engine, files)
    await api.engine.completed(await make_sync(api.engine, repository))
    tasks = [await api.engine.completed(await make_publish(api.engine, repository)) for _ in range(2)]

    data = await api.run(
        "query ($ids: [ID!]!) { nodes(ids: $ids) { ... on FilePublish { publication { id reused } } } }",
        ids=[gid("FilePublish", task) for task in tasks],
    )

    first, second = (node["publication"] for node in data["nodes"])
    assert first["id"] == second["id"]
    assert (first["reused"], second["reused"]) == (False, True)
