"""Tasks, as mutations make, cancel and repeat them, and what of them stays."""

from __future__ import annotations

from headbox.models import RepositoryVersion, Task
from tests.factories.repository import make_repository
from tests.factories.task import make_gate, make_publish, make_sync, make_wait
from tests.integration.schema.api import Api
from tests.integration.schema.ids import gid, local_id
from tests.integration.schema.refusals import ERRORS, refused
from tests.support.upstream import Upstream


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
