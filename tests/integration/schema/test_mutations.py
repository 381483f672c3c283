"""Mutations of repositories and remotes: what they change, and what they answer when they cannot."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from headbox.models.database import fetch
from headbox.resolvers.ids import GlobalId
from tests.factories.remote import make_remote
from tests.factories.repository import make_repository
from tests.integration.schema.api import Api
from tests.integration.schema.ids import gid
from tests.integration.schema.refusals import ERRORS, refused
from tests.support.upstream import Upstream

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


async def test_revisions_tell_how_a_remote_was_configured(api: Api) -> None:
    created = await api.run(
        """
        mutation { createFileRemote(input: {name: "r", url: "http://one.test/", username: "u", password: "hush"}) {
          remote { id } } }
        """
    )
    remote_id = created["createFileRemote"]["remote"]["id"]
    await api.run(
        'mutation ($id: ID!) { updateFileRemote(input: {id: $id, url: "http://two.test/", username: null,'
        " password: null}) { errors { code } } }",
        id=remote_id,
    )
    document = """
    query ($after: String) { remote(name: "r") { revisions(first: 1, after: $after) {
      totalCount pageInfo { hasNextPage endCursor } edges { node { number createdAt values hasCredentials } } } } }
    """

    first = (await api.run(document))["remote"]["revisions"]
    second = (await api.run(document, after=first["pageInfo"]["endCursor"]))["remote"]["revisions"]

    [latest], [oldest] = ([edge["node"] for edge in page["edges"]] for page in (first, second))
    assert (latest["number"], latest["values"]["url"], latest["hasCredentials"]) == (2, "http://two.test/", False)
    assert (oldest["number"], oldest["values"]["url"], oldest["hasCredentials"]) == (1, "http://one.test/", True)
    assert oldest["createdAt"] < latest["createdAt"]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (
        2,
        True,
        False,
    )
    assert "hush" not in str((first, second))


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
