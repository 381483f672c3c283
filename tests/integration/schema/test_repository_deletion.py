"""`deleteRepository` as clients have it: it answers at once, and nobody sees what is deleted behind."""

from __future__ import annotations

from typing import Any

from headbox.models import Membership, PublishedFile, Task
from headbox.resolvers.ids import GlobalId
from headbox.services.upkeep import Upkeep
from headbox.types import uuid7
from tests.factories.task import make_publish, make_sync
from tests.integration.schema.api import Api
from tests.integration.schema.ids import gid
from tests.integration.schema.refusals import ERRORS, refused
from tests.support.engine import LocalEngine
from tests.support.mirror import Mirror
from tests.support.statements import statements
from tests.support.upstream import Upstream

DELETE = f"mutation ($id: ID!) {{ deleteRepository(id: $id) {{ repository {{ name }} {ERRORS} }} }}"
VIEW = """
query ($repository: ID!, $version: ID!, $publication: ID!, $name: String!) {
  repository: node(id: $repository) { id }
  version: node(id: $version) { id }
  publication: node(id: $publication) { id }
  repositories(filter: { name: $name }) { totalCount }
  contents {
    totalCount
    edges { node { repositories { totalCount edges { node { name } } } versions { totalCount edges { cursor } } } }
  }
  tasks(filter: { kind: ["file.sync"] }) { edges { node { ... on FileSync { repository { name } } } } }
}
"""
FILES = {f"{number}.txt": b"file %d" % number for number in range(20)}


async def published(engine: LocalEngine, upstream: Upstream, **fields: Any) -> tuple[Mirror, dict[str, str]]:
    """Return a repository with a publication, and the ids of both and of its version."""
    mirror = await Mirror.of(engine, upstream, **fields)
    await mirror.sync(FILES)
    publish = await engine.completed(await make_publish(engine, mirror.repository))
    ids = {
        "repository": gid("FileRepository", mirror.repository),
        "version": gid("RepositoryVersion", await mirror.version()),
        "publication": str(GlobalId("Publication", publish.result["publication"])),
    }
    return mirror, ids


async def test_deletion_writes_little_and_shows_at_once(api: Api, engine: LocalEngine, upstream: Upstream) -> None:
    _, ids = await published(engine, upstream, name="old")
    with statements() as asked:
        payload = (await api.run(DELETE, id=ids["repository"]))["deleteRepository"]

    assert payload == {"repository": {"name": "old"}, "errors": []}
    assert not [text for text in asked if "DELETE" in text and ("membership" in text or "published_file" in text)]
    assert await Membership.all().count() == len(FILES)
    seen = await api.run(VIEW, **ids, name="old")
    assert (seen["repository"], seen["version"], seen["publication"]) == (None, None, None)
    assert seen["repositories"]["totalCount"] == 0
    assert seen["contents"]["totalCount"] == len(FILES)
    nowhere = {"totalCount": 0, "edges": []}
    assert all(edge["node"] == {"repositories": nowhere, "versions": nowhere} for edge in seen["contents"]["edges"])
    assert [edge["node"]["repository"] for edge in seen["tasks"]["edges"]] == [{"name": "(deleted)"}]


async def test_name_is_free_at_once_and_the_new_one_keeps_what_it_holds(
    api: Api, engine: LocalEngine, upstream: Upstream
) -> None:
    _, ids = await published(engine, upstream, name="same")
    await api.run(DELETE, id=ids["repository"])
    again, _ = await published(engine, upstream, name="same")

    upkeep = Upkeep(engine)
    for _ in range(4):
        await upkeep.run()

    assert await Membership.all().count() == len(FILES)
    assert set(await again.files()) == set(FILES)
    assert await PublishedFile.all().count() == 1


async def test_repository_that_is_worked_on_or_served_is_not_deleted(
    api: Api, engine: LocalEngine, upstream: Upstream
) -> None:
    mirror = await Mirror.of(engine, upstream, "served")
    key = gid("FileRepository", mirror.repository)
    [error] = await refused(api, DELETE, id=key)
    assert (error["code"], error["path"]) == ("INVALID", ["id"])
    assert "'served'" in error["message"]

    idle = await Mirror.of(engine, upstream)
    engine.dispatcher.is_losing = True
    await make_sync(engine, idle.repository)
    [error] = await refused(api, DELETE, id=gid("FileRepository", idle.repository))
    assert (error["code"], error["path"]) == ("INVALID", ["id"])
    assert "unfinished task" in error["message"]
    await Task.all().delete()


async def test_ids_that_name_no_repository_are_refused(api: Api, engine: LocalEngine, upstream: Upstream) -> None:
    _, ids = await published(engine, upstream)
    wrong = {
        ids["version"]: "WRONG_TYPE",
        str(GlobalId("FileRepository", uuid7())): "NOT_FOUND",
        "nonsense": "NOT_FOUND",
    }
    for key, code in wrong.items():
        assert [(error["code"], error["path"]) for error in await refused(api, DELETE, id=key)] == [(code, ["id"])]
    await api.run(DELETE, id=ids["repository"])
    assert [error["code"] for error in await refused(api, DELETE, id=ids["repository"])] == ["NOT_FOUND"]
