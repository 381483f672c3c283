"""Lists: pages, filters, and how many queries they take."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headbox.models import (
    Repository,
    RepositoryVersion,
    Task,
    TaskGroup,
    Worker,
)
from headbox.types import Automation, TaskState
from tests.factories.repository import create_repository, make_repository
from tests.factories.task import make_gate, make_sync, make_wait
from tests.integration.schema.api import Api
from tests.integration.schema.ids import gid
from tests.support.engine import LocalEngine
from tests.support.statements import statements
from tests.support.upstream import Upstream, pulp_manifest


async def pages(api: Api, document: str, **variables: Any) -> list[list[Any]]:
    """Read a list page by page to its end; the document takes `$after` and has one list, aliased `list`."""
    found: list[list[Any]] = []
    after = None
    while True:
        data = await api.run(document, after=after, **variables)
        page = data["list"] if "list" in data else next(iter(data.values()))["list"]
        found.append([edge["node"] for edge in page["edges"]])
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


async def test_pages_follow_each_other(api: Api) -> None:
    for number in range(7):
        await make_repository(api.engine, name=f"r{number}")

    found = await pages(
        api,
        "query ($after: String) { list: repositories(first: 3, after: $after) {"
        " edges { node { name } } pageInfo { hasNextPage endCursor } } }",
    )

    names = [[node["name"] for node in page] for page in found]
    assert names == [["r0", "r1", "r2"], ["r3", "r4", "r5"], ["r6"]]


async def test_last_page_is_read_from_the_end(api: Api) -> None:
    gate, _ = make_gate()
    tasks = [await make_wait(api.engine, gate, str(number)) for number in range(5)]
    newest_first = [gid("WaitTask", task) for task in reversed(tasks)]
    document = """
    query ($before: String) { tasks(last: 2, before: $before) {
      edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }
    """

    last = (await api.run(document))["tasks"]
    before = (await api.run(document, before=last["pageInfo"]["startCursor"]))["tasks"]

    assert [edge["node"]["id"] for edge in last["edges"]] == newest_first[3:]
    assert (last["pageInfo"]["hasNextPage"], last["pageInfo"]["hasPreviousPage"]) == (False, True)
    assert [edge["node"]["id"] for edge in before["edges"]] == newest_first[1:3]
    assert (before["pageInfo"]["hasNextPage"], before["pageInfo"]["hasPreviousPage"]) == (True, True)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("first: 501", "LIMIT_EXCEEDED"),
        ("last: 501", "LIMIT_EXCEEDED"),
        ("first: -1", "INVALID"),
        ("first: 1, last: 1", "INVALID"),
        ('after: "rubbish"', "INVALID"),
        ('after: "IjEi"', "INVALID"),
        ('after: ""', "INVALID"),
    ],
)
async def test_page_that_cannot_be(api: Api, arguments: str, code: str) -> None:
    error = await api.fail(f"{{ tasks({arguments}) {{ edges {{ cursor }} }} }}")

    assert error["extensions"]["code"] == code


async def test_empty_page(api: Api) -> None:
    await make_repository(api.engine)

    none = await api.run(
        "{ repositories(first: 0) { totalCount edges { cursor } pageInfo { hasNextPage startCursor } } }"
    )

    assert none["repositories"] == {
        "totalCount": 1, "edges": [], "pageInfo": {"hasNextPage": True, "startCursor": None}
    }  # fmt: skip


async def test_repositories_by_filter(api: Api) -> None:
    await make_repository(api.engine, name="Debian mirror", labels={"team": "infra", "tier": "1"})
    await make_repository(api.engine, name="debian_ports", labels={"team": "infra"})
    await make_repository(api.engine, name="other", labels={"team.lead": "x", "1": "2"})
    document = "query ($filter: RepositoryFilter) { repositories(filter: $filter) { edges { node { name } } } }"

    async def names(**filter: Any) -> list[str]:
        data = await api.run(document, filter=filter)
        return [edge["node"]["name"] for edge in data["repositories"]["edges"]]

    assert await names() == ["Debian mirror", "debian_ports", "other"]
    assert await names(name="debian") == ["Debian mirror", "debian_ports"]
    assert await names(name="n_p") == ["debian_ports"]
    assert await names(kind=["file.repository"]) == ["Debian mirror", "debian_ports", "other"]
    assert await names(kind=["npm.repository"]) == []
    assert await names(label=[{"key": "team", "value": "infra"}, {"key": "tier"}]) == ["Debian mirror"]
    assert await names(label=[{"key": "team.lead", "value": "x"}]) == ["other"]
    assert await names(label=[{"key": "1"}]) == ["other"]
    assert await names(**{"not": {"label": [{"key": "tier"}]}}) == ["debian_ports", "other"]
    assert await names(**{"or": [{"name": "ports"}, {"name": "other"}]}) == ["debian_ports", "other"]
    assert await names(**{"or": []}) == []
    assert await names(**{"and": [{"name": "debian"}, {"not": {"name": "ports"}}]}) == ["Debian mirror"]


async def test_tasks_by_filter(api: Api) -> None:
    name, gate = make_gate()
    group = await TaskGroup.create(description="both")
    done = await make_wait(api.engine, name, labels={"team": "a"})
    gate.open()
    await api.engine.completed(done)
    shut, _ = make_gate()
    waiting = await make_wait(api.engine, shut, labels={"team": "b"})
    await api.engine.reached(waiting, {TaskState.RUNNING})
    await Task.filter(id=done.id).update(group_id=group.id)
    document = "query ($filter: TaskFilter) { tasks(filter: $filter) { totalCount edges { node { id } } } }"

    async def found(**filter: Any) -> list[str]:
        data = await api.run(document, filter=filter)
        assert data["tasks"]["totalCount"] == len(data["tasks"]["edges"])
        return [edge["node"]["id"] for edge in data["tasks"]["edges"]]

    first, second = gid("WaitTask", done), gid("WaitTask", waiting)
    worker = gid("Worker", await Worker.get(name="test"))
    future = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    assert await found() == [second, first]
    assert await found(state=["RUNNING", "WAITING"]) == [second]
    assert await found(kind=["gate.wait"], state=["COMPLETED"]) == [first]
    assert await found(state=[]) == []
    assert await found(label=[{"key": "team", "value": "b"}]) == [second]
    assert await found(label=[]) == [second, first]
    assert await found(**{"not": {"label": [{"key": "team", "value": "b"}]}}) == [first]
    assert await found(group=gid("TaskGroup", group)) == [first]
    assert await found(worker=worker) == [second, first]
    assert await found(createdAfter=future) == []
    assert await found(createdBefore=future) == [second, first]
    assert await found(repository="rubbish") == []
    assert await found(**{"not": {"group": gid("TaskGroup", group)}}) == [second]
    data = await api.run(
        "query ($id: ID!) { node(id: $id) { ... on TaskGroup { description finished counts { completed }"
        " tasks { totalCount } } } }",
        id=gid("TaskGroup", group),
    )
    assert data["node"] == {
        "description": "both", "finished": True, "counts": {"completed": 1}, "tasks": {"totalCount": 1}
    }  # fmt: skip


async def test_filter_that_is_too_large(api: Api) -> None:
    deep: dict[str, Any] = {"kind": ["a"]}
    for _ in range(8):
        deep = {"not": deep}
    document = "query ($filter: TaskFilter) { tasks(filter: $filter) { totalCount } }"

    nested = await api.fail(document, filter=deep)
    wide = await api.fail(document, filter={"kind": [str(number) for number in range(501)]})

    assert [error["extensions"]["code"] for error in (nested, wide)] == ["LIMIT_EXCEEDED"] * 2


async def test_nodes_by_id(api: Api) -> None:
    repository = await make_repository(api.engine)
    version = await RepositoryVersion.get(repository_id=repository.id)
    ids = [
        gid("FileRepository", repository),
        gid("RepositoryVersion", version),
        gid("FileRemote", repository),
        gid("RepositoryVersion", repository),
        "rubbish",
        "",
    ]

    data = await api.run("query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }", ids=ids)
    none = await api.run('{ node(id: "rubbish") { id } task(id: "rubbish") { id } }')
    many = await api.fail("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=["a"] * 101)

    assert data["nodes"] == [
        {"__typename": "FileRepository", "id": ids[0]}, {"__typename": "RepositoryVersion", "id": ids[1]}, *[None] * 4
    ]  # fmt: skip
    assert none == {"node": None, "task": None}
    assert many["extensions"]["code"] == "LIMIT_EXCEEDED"


async def test_rows_of_plugins_that_are_not_installed_are_not_shown(api: Api) -> None:
    repository = await make_repository(api.engine)
    await Repository.filter(id=repository.id).update(kind="npm.repository")
    version = await RepositoryVersion.get(repository_id=repository.id)

    data = await api.run(
        "query ($ids: [ID!]!, $name: String!) { repositories { totalCount edges { cursor } }"
        " repository(name: $name) { id } nodes(ids: $ids) { id } }",
        ids=[gid("FileRepository", repository), gid("RepositoryVersion", version)],
        name=repository.name,
    )

    assert data == {"repositories": {"totalCount": 0, "edges": []}, "repository": None, "nodes": [None, None]}


LISTS = {
    "repositories": (
        """{ repositories { totalCount edges { node { id name
            remote { url } publishSettings { id } latestVersion { number summary { present } createdBy { id } }
            versions(first: 2) { totalCount edges { node { number } } }
            distributions { edges { node { name serving { id } servingVersion { number } source { __typename } } } }
            publications(first: 1) { edges { node { id settings { id } } } }
            tasks(first: 2) { edges { node { id claims { resource } blockedBy { id } worker { name } } } } } } } }""",
        20,
    ),
    "tasks": (
        """{ tasks { edges { node { id state claims { resource } blockedBy { id } worker { name currentTask { id } }
            repeats { id } group { id } createdResources { id }
            ... on FileSync { repository { name } remote { name } remoteRevision
              repositoryVersion { number } publication { id } issues { totalCount } } } } } }""",
        16,
    ),
    "distributions": ("{ distributions { edges { node { source { __typename } serving { id } } } } }", 3),
    "remotes": ("{ remotes { edges { node { name url } } } }", 1),
    "fileContents": (
        "{ fileContents { edges { node { artifacts { availability } repositories { edges { node { name } } } } } } }",
        4,
    ),
}


@pytest.mark.parametrize("name", LISTS)
async def test_longer_list_takes_no_more_queries(api: Api, engine: LocalEngine, files: Upstream, name: str) -> None:
    document, most = LISTS[name]

    async def queries() -> int:
        await engine.dispatcher.rest()
        with statements() as asked:
            await api.run(document)
        return len(asked)

    for number in range(2):
        await _populate(api, files, number)
    few = await queries()
    for number in range(2, 6):
        await _populate(api, files, number)

    assert await queries() == few
    assert few <= most


async def _populate(api: Api, files: Upstream, number: int) -> None:

    files.files[f"{number}.txt"] = b"another"
    listed = {path: body for path, body in files.files.items() if path != "PULP_MANIFEST"}
    files.files["PULP_MANIFEST"] = pulp_manifest(listed)
    created = await create_repository(api.engine, files, f"path-{number}")
    await api.engine.completed(await make_sync(api.engine, created.repository, automation=Automation.DISTRIBUTE))


@pytest.mark.parametrize(
    ("field", "type_name", "value", "literal"),
    [
        ("createdAfter", "DateTime", "yesterday", '"yesterday"'),
        ("createdAfter", "DateTime", 5, "5"),
        ("createdAfter", "DateTime", "2026-01-31T12:00:00", '"2026-01-31T12:00:00"'),
        ("state", "[TaskState!]", ["SLEEPING"], "SLEEPING"),
    ],
)
async def test_value_that_its_type_does_not_take_is_told(
    api: Api, field: str, type_name: str, value: Any, literal: str
) -> None:
    document = f"query ($value: {type_name}) {{ tasks(filter: {{{field}: $value}}) {{ totalCount }} }}"
    inline = f"{{ tasks(filter: {{{field}: {literal}}}) {{ totalCount }} }}"

    for error in (await api.fail(document, value=value), await api.fail(inline)):
        assert literal.strip('"') in error["message"]
        assert "code" not in error.get("extensions", {})
