"""Mutations: what they change, and what they answer when they cannot."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from headbox.models import Distribution, Publication, Remote, Repository, RepositoryVersion, Task
from headbox.models.database import fetch
from headbox.resolvers.ids import GlobalId
from tests.factories.remote import make_remote
from tests.factories.repository import make_repository
from tests.factories.task import make_gate, make_publish, make_sync, make_wait
from tests.integration.schema.api import Api
from tests.support.upstream import Upstream

ERRORS = "errors { __typename code message path hint retryable }"


def gid(type_name: str, row: Any) -> str:
    """Return the global id of a row."""
    return str(GlobalId(type_name, row.id))


def local_id(text: str) -> UUID:
    """Return the row's id in a global id."""
    parsed = GlobalId.parse(text)
    assert parsed is not None
    return parsed.id


async def refused(api: Api, document: str, **variables: Any) -> list[dict[str, Any]]:
    """Run a mutation that is to be refused, make sure that it changed nothing, and return its errors."""
    before = await _rows()
    data = await api.run(document, **variables)
    [payload] = data.values()
    assert await _rows() == before
    assert all(not value for name, value in payload.items() if name != "errors")
    errors: list[dict[str, Any]] = payload["errors"]
    assert errors
    return errors


async def _rows() -> list[int]:
    return [await model.all().count() for model in (Repository, Remote, Distribution, Publication, Task)]


CREATE_REPOSITORY = f"""
mutation ($input: CreateFileRepositoryInput!) {{
  createFileRepository(input: $input) {{ repository {{ id }} distributions {{ id }} task {{ id }} {ERRORS} }}
}}
"""


def two_paths(*base_paths: str) -> dict[str, Any]:
    """Return the distributions of an input."""
    return {"distributions": [{"basePath": path} for path in base_paths]}


def new_remote(url: str, **fields: Any) -> dict[str, Any]:
    """Return the remote of an input."""
    return {"remote": {"create": {"name": "r", "url": url, **fields}}}


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"name": ""}, "INVALID", ["input", "name"]),
        ({"labels": {"team": 1}}, "INVALID", ["input", "labels", "team"]),
        ({"labels": ["team"]}, "INVALID", ["input", "labels"]),
        ({"labels": {str(n): "" for n in range(65)}}, "INVALID", ["input", "labels"]),
        ({"retainVersions": 0}, "INVALID", ["input", "retainVersions"]),
        ({"sync": True}, "NO_REMOTE", ["input", "remote"]),
        ({"distributions": [{"basePath": "/a"}]}, "INVALID", ["input", "distributions", "0", "basePath"]),
        (two_paths("a", "../b"), "INVALID", ["input", "distributions", "1", "basePath"]),
        (two_paths("a", "a/b"), "BASE_PATH_OVERLAPS", ["input", "distributions", "1", "basePath"]),
        ({"remote": {"id": "nonsense"}}, "NOT_FOUND", ["input", "remote", "id"]),
        (new_remote("ftp://a"), "INVALID", ["input", "remote", "create", "url"]),
        (new_remote("http://a", maxRetries=-1), "INVALID", ["input", "remote", "create", "maxRetries"]),
        (new_remote("http://a", labels=[]), "INVALID", ["input", "remote", "create", "labels"]),
        (
            {"publishSettings": {"create": {"manifest": "../x"}}},
            "INVALID",
            ["input", "publishSettings", "create", "manifest"],
        ),
    ],
)  # fmt: skip
async def test_refused_repository_leaves_nothing(api: Api, changes: dict[str, Any], code: str, path: list[str]) -> None:
    [error] = await refused(api, CREATE_REPOSITORY, input={"name": "new", **changes})

    assert (error["code"], error["path"]) == (code, path)


async def test_messages_name_fields_as_the_api_does_and_show_little_of_what_is_too_long(api: Api) -> None:
    [retention] = await refused(api, CREATE_REPOSITORY, input={"name": "new", "retainVersions": 0})
    [label] = await refused(api, CREATE_REPOSITORY, input={"name": "new", "labels": {"a" * 5000: ""}})
    [value] = await refused(api, CREATE_REPOSITORY, input={"name": "new", "labels": {"my_team": 1}})

    assert retention["message"].startswith("retainVersions is not valid: ")
    assert label["path"] == ["input", "labels", "a" * 80 + "…"]
    assert len(label["message"]) < 250
    assert value["path"] == ["input", "labels", "my_team"]


@pytest.mark.embedded
async def test_full_disk_is_told_and_changes_nothing(api: Api) -> None:
    [pages] = await fetch(api.engine.database.connection, "PRAGMA page_count")
    await fetch(api.engine.database.connection, f"PRAGMA max_page_count = {pages['page_count']}")

    [error] = await refused(api, CREATE_REPOSITORY, input={"name": "new", "description": "x" * 10_000})

    assert (error["code"], error["path"], error["retryable"]) == ("STORAGE_FULL", [], True)
    assert "try again" in error["hint"]


async def test_every_field_at_fault_is_named(api: Api) -> None:
    remote = {"name": "r", "url": "ftp://a", "maxRetries": -1, "proxyUrl": "socks://p"}
    errors = await refused(api, CREATE_REPOSITORY, input={"name": "new", "remote": {"create": remote}})

    assert {tuple(error["path"][-1:]) for error in errors} == {("url",), ("maxRetries",), ("proxyUrl",)}


async def test_sync_that_distributes_needs_a_distribution(api: Api, files: Upstream) -> None:
    remote = {"create": {"name": "r", "url": files.url_of("PULP_MANIFEST")}}
    given = {"name": "new", "remote": remote, "automation": "DISTRIBUTE", "sync": True}
    [error] = await refused(api, CREATE_REPOSITORY, input=given)

    assert (error["code"], error["retryable"]) == ("NO_DISTRIBUTION", False)
    assert error["hint"]


async def test_name_that_is_taken(api: Api) -> None:
    await make_repository(api.engine, name="taken")

    [error] = await refused(api, CREATE_REPOSITORY, input={"name": "taken"})

    assert (error["__typename"], error["code"], error["path"]) == ("NameTaken", "NAME_TAKEN", ["input", "name"])


async def test_ids_of_the_wrong_type_are_told_apart_from_unknown_ones(api: Api, files: Upstream) -> None:
    repository = await make_repository(api.engine, files)
    remote = await make_remote(api.engine, files)
    document = f"mutation ($id: ID!) {{ createFileSync(input: {{repository: $id}}) {{ task {{ id }} {ERRORS} }} }}"

    [wrong] = await refused(api, document, id=gid("FileRemote", remote))
    [gone] = await refused(api, document, id=str(GlobalId("FileRepository", uuid4())))
    [foreign] = await refused(api, document, id=gid("NpmRepository", repository))
    [raw] = await refused(api, document, id=str(repository.id))

    assert (wrong["__typename"], wrong["code"], wrong["path"]) == ("WrongType", "WRONG_TYPE", ["input", "repository"])
    assert [error["code"] for error in (gone, foreign, raw)] == ["NOT_FOUND"] * 3


async def test_update_changes_only_what_is_named(api: Api, files: Upstream) -> None:
    remote = await make_remote(api.engine, files)
    repository = await make_repository(api.engine, remote, description="old", labels={"a": "1"}, retain_versions=3)
    document = f"""
    mutation ($input: UpdateFileRepositoryInput!) {{
      updateFileRepository(input: $input) {{
        repository {{ name description labels retainVersions revision automation remote {{ name }} }} {ERRORS} }}
    }}
    """

    async def update(**changes: Any) -> dict[str, Any]:
        data = await api.run(document, input={"id": gid("FileRepository", repository), **changes})
        assert data["updateFileRepository"]["errors"] == []
        updated: dict[str, Any] = data["updateFileRepository"]["repository"]
        return updated

    kept = await update(automation="PUBLISH")
    cleared = await update(description=None, labels=None, retainVersions=None, remote=None)
    attached = await update(remote={"create": {"name": "second", "url": "http://second.test/"}}, labels={"b": "2"})

    assert kept == {
        "name": repository.name,
        "description": "old",
        "labels": {"a": "1"},
        "retainVersions": 3,
        "revision": 2,
        "automation": "PUBLISH",
        "remote": {"name": remote.name},
    }
    assert (cleared["description"], cleared["labels"], cleared["retainVersions"], cleared["remote"]) == (
        None,
        {},
        None,
        None,
    )
    assert (attached["remote"], attached["labels"], attached["revision"]) == ({"name": "second"}, {"b": "2"}, 4)


async def test_null_does_not_take_away_what_all_have(api: Api) -> None:
    repository = await make_repository(api.engine)
    given = {"id": gid("FileRepository", repository), "name": None}
    document = f"""
    mutation ($input: UpdateFileRepositoryInput!) {{
      updateFileRepository(input: $input) {{ repository {{ id }} {ERRORS} }}
    }}
    """

    [error] = await refused(api, document, input=given)

    assert (error["code"], error["path"]) == ("REQUIRED", ["input", "name"])


async def test_lost_update_is_a_revision_conflict(api: Api, files: Upstream) -> None:
    remote = await make_remote(api.engine, files)
    document = """
    mutation ($id: ID!, $url: String!, $expected: Int) {
      updateFileRemote(input: {id: $id, url: $url, expectedRevision: $expected}) {
        remote { url revision } errors { code path ... on RevisionConflict { current expected } } }
    }
    """
    id = gid("FileRemote", remote)  # noqa: A001

    first = await api.run(document, id=id, url="http://one.test/", expected=1)
    second = await api.run(document, id=id, url="http://two.test/", expected=1)
    third = await api.run(document, id=id, url="http://two.test/")

    assert first["updateFileRemote"] == {"remote": {"url": "http://one.test/", "revision": 2}, "errors": []}
    assert second["updateFileRemote"]["remote"] is None
    assert second["updateFileRemote"]["errors"] == [
        {"code": "REVISION_CONFLICT", "path": ["input", "expectedRevision"], "current": 2, "expected": 1}
    ]
    assert third["updateFileRemote"]["remote"]["revision"] == 3


async def test_updates_in_one_document_each_show_their_own_state(api: Api, files: Upstream) -> None:
    remote = await make_remote(api.engine, files)

    data = await api.run(
        """
        mutation ($id: ID!) {
          a: updateFileRemote(input: {id: $id, url: "http://one.test/"}) { remote { url revision } }
          b: updateFileRemote(input: {id: $id, url: "http://two.test/"}) { remote { url revision } }
        }
        """,
        id=gid("FileRemote", remote),
    )

    assert data["a"]["remote"] == {"url": "http://one.test/", "revision": 2}
    assert data["b"]["remote"] == {"url": "http://two.test/", "revision": 3}


async def test_secrets_are_written_and_never_read(api: Api) -> None:
    data = await api.run(
        """
        mutation { createFileRemote(input: {name: "r", url: "http://a.test/", username: "u", password: "hush"}) {
          remote { id hasCredentials } errors { code } } }
        """
    )
    remote = data["createFileRemote"]["remote"]
    cleared = await api.run(
        "mutation ($id: ID!) { updateFileRemote(input: {id: $id, username: null, password: null}) {"
        " remote { hasCredentials } } }",
        id=remote["id"],
    )
    fields = await api.run('{ __type(name: "FileRemote") { fields { name } } }')

    assert remote["hasCredentials"] is True
    assert cleared["updateFileRemote"]["remote"]["hasCredentials"] is False
    assert not {"username", "password"} & {field["name"] for field in fields["__type"]["fields"]}


async def test_remote_in_use_is_not_deleted(api: Api, files: Upstream) -> None:
    remote = await make_remote(api.engine, files)
    repository = await make_repository(api.engine, remote)
    document = f"mutation ($id: ID!) {{ deleteRemote(id: $id) {{ remote {{ name }} {ERRORS} }} }}"

    [error] = await refused(api, document, id=gid("FileRemote", remote))
    await repository.delete()
    deleted = await api.run(document, id=gid("FileRemote", remote))
    [again] = await refused(api, document, id=gid("FileRemote", remote))
    listed = await api.run("{ remotes { totalCount } }")

    assert (error["code"], error["path"]) == ("INVALID", ["id"])
    assert repository.name in error["message"]
    assert deleted["deleteRemote"] == {"remote": {"name": remote.name}, "errors": []}
    assert again["code"] == "NOT_FOUND"
    assert listed["remotes"]["totalCount"] == 0


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


async def test_cancel_and_repeat(api: Api) -> None:
    name, gate = make_gate()
    task = await make_wait(api.engine, name, "text")
    cancel = f"mutation ($id: ID!) {{ cancelTask(id: $id) {{ task {{ state }} {ERRORS} }} }}"
    repeat = f"""
    mutation ($id: ID!) {{
      repeatTask(id: $id) {{ task {{ id repeats {{ id }} ... on WaitTask {{ text }} }} {ERRORS} }}
    }}
    """
    id = gid("WaitTask", task)  # noqa: A001
    await gate.holds(1)

    [unfinished] = await refused(api, repeat, id=id)
    canceled = await api.run(cancel, id=id)
    assert canceled["cancelTask"]["task"]["state"] == "CANCELING"
    await api.engine.finished(task)
    [late] = await refused(api, cancel, id=id)
    gate.open()
    repeated = await api.run(repeat, id=id)

    assert unfinished["code"] == "INVALID"
    assert (late["code"], late["path"]) == ("NOT_CANCELABLE", ["id"])
    assert repeated["repeatTask"]["task"]["repeats"] == {"id": id}
    assert repeated["repeatTask"]["task"]["text"] == "text"
    await api.engine.completed(await Task.get(id=local_id(repeated["repeatTask"]["task"]["id"])))


async def test_task_type_of_a_plugins_own_is_created(api: Api) -> None:
    name, gate = make_gate()
    gate.open()
    document = """
    mutation ($input: CreateWaitTaskInput!) {
      createWaitTask(input: $input) { task { id gate text fails resource labels priority } errors { code path } }
    }
    """
    given = {"gate": name, "text": "hello", "priority": "HIGH", "labels": {"a": "b"}, "idempotencyKey": "once"}

    data = await api.run(document, input=given)
    again = await api.run(document, input=given)
    other = await api.run(document, input={**given, "text": "other"})

    task = data["createWaitTask"]["task"]
    assert {key: value for key, value in task.items() if key != "id"} == {
        "gate": name, "text": "hello", "fails": False, "resource": "anything", "labels": {"a": "b"}, "priority": "HIGH"
    }  # fmt: skip
    assert again["createWaitTask"]["task"]["id"] == task["id"]
    assert other["createWaitTask"]["errors"] == [{"code": "INVALID", "path": ["input", "idempotencyKey"]}]
    await api.engine.completed(await Task.get(id=local_id(task["id"])))


async def test_error_of_a_task_is_the_type_that_mutations_use(api: Api, upstream: Upstream) -> None:
    repository = await make_repository(api.engine, upstream)
    task = await make_sync(api.engine, repository)
    await api.engine.failed(task)

    data = await api.run(
        "query ($id: ID!) { task(id: $id) { error { __typename code message path retryable"
        " ... on RemoteResponse { url status } } } }",
        id=gid("FileSync", task),
    )

    error = data["task"]["error"]
    assert (error["__typename"], error["code"], error["status"]) == ("RemoteResponse", "REMOTE_RESPONSE", 404)
    assert error["url"] == upstream.url_of("PULP_MANIFEST")


async def test_tasks_outlive_their_repository(api: Api, files: Upstream) -> None:
    repository = await make_repository(api.engine, files)
    await api.engine.completed(await make_sync(api.engine, repository))
    await api.engine.completed(await make_publish(api.engine, repository))
    version = await RepositoryVersion.get(repository_id=repository.id, number=1)

    deleted = await api.run(
        "mutation ($id: ID!) { deleteRepository(id: $id) {"
        " repository { name latestVersion { id number repository { name } } } errors { code } } }",
        id=gid("FileRepository", repository),
    )
    tasks = """
    { tasks { edges { node { kind createdResources { id }
      ... on FileSync { repository { id name createdAt latestVersion { id number } } repositoryVersion { id } }
      ... on FilePublish {
        published: repositoryVersion { createdAt repository { name } } publication { id } } } } } }
    """
    data, again = await api.run(tasks), await api.run(tasks)

    assert deleted["deleteRepository"]["errors"] == []
    assert deleted["deleteRepository"]["repository"] == {
        "name": repository.name,
        "latestVersion": {
            "id": gid("RepositoryVersion", version), "number": 1, "repository": {"name": repository.name}
        },
    }  # fmt: skip
    assert again == data
    publish, sync = (edge["node"] for edge in data["tasks"]["edges"])
    assert sync["repository"]["id"] == gid("FileRepository", repository)
    assert sync["repository"]["name"] == "(deleted)"
    assert (sync["repositoryVersion"], sync["createdResources"]) == (None, [])
    assert publish["published"]["repository"] == {"name": "(deleted)"}
    assert publish["publication"] is None
