"""Webhooks: made, changed, paused, tested and deleted; and their deliveries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headbox.models import Task, TaskGroup, Webhook, WebhookDelivery
from headbox.services import webhook_delivery as deliveries
from headbox.services.webhook_delivery import Attempt
from headbox.settings import WebhookSettings
from headbox.tasking.user import acting_for
from tests.factories.repository import make_repository
from tests.factories.task import make_gate, make_wait
from tests.integration.schema.api import Api
from tests.integration.schema.ids import gid
from tests.integration.schema.webhooks import (
    DELETE,
    DELIVERY,
    PAUSE,
    REDELIVER,
    RESUME,
    ROTATE,
    TEST,
    UPDATE,
    WEBHOOK,
    create,
    made,
)
from tests.support.engine import LocalEngine
from tests.support.statements import statements


async def matched(webhook: Webhook) -> list[WebhookDelivery]:
    """Return what a webhook is told, once it was looked whether its filter holds."""
    while await deliveries.match(webhook._meta.db):
        pass
    return list(await WebhookDelivery.filter(webhook_id=webhook.id).order_by("id"))


async def test_created_webhook_is_shown_and_its_secret_once(api: Api, engine: LocalEngine) -> None:
    repository = await make_repository(engine)
    task_filter = {"state": ["FAILED"], "not": {"kind": ["core.purge"]}}

    payload = await create(
        api,
        events=["TASK_FINISHED", "DISTRIBUTION_UPDATED", "TASK_FINISHED"],
        repository=gid("FileRepository", repository),
        taskFilter=task_filter,
        labels={"team": "web"},
    )

    assert payload["errors"] == []
    assert payload["secret"].startswith("whsec_")
    webhook = payload["webhook"]
    assert webhook["events"] == ["DISTRIBUTION_UPDATED", "TASK_FINISHED"]
    assert (webhook["isGlobal"], webhook["repository"]) == (False, {"name": repository.name})
    assert (webhook["taskFilter"], webhook["labels"]) == (task_filter, {"team": "web"})
    assert (webhook["state"], webhook["revision"], webhook["failures"]) == ("ACTIVE", 1, 0)
    found = await api.run(
        f'query ($id: ID!) {{ webhook(name: "ci") {{ {WEBHOOK} }} node(id: $id) {{ id }}'
        ' webhooks(filter: { state: [ACTIVE], namePrefix: "c" }) { edges { node { id } } } }',
        id=webhook["id"],
    )
    assert found["webhook"] == webhook
    assert found["node"] == {"id": webhook["id"]}
    assert found["webhooks"]["edges"] == [{"node": {"id": webhook["id"]}}]
    assert payload["secret"] not in (await Webhook.get()).secrets


async def test_webhook_asks_for_everything_unless_it_says_what(api: Api) -> None:
    webhook = (await create(api))["webhook"]

    assert "PING" not in webhook["events"]
    assert len(webhook["events"]) == 7
    assert (webhook["isGlobal"], webhook["taskFilter"]) == (True, None)


@pytest.mark.parametrize(
    ("fields", "code", "path"),
    [
        ({"name": " "}, "INVALID", ["name"]),
        ({"url": "ftp://example.com"}, "INVALID", ["url"]),
        ({"url": "https://"}, "INVALID", ["url"]),
        ({"url": "https://user:password@example.com"}, "INVALID", ["url"]),
        ({"url": "https://example.com/#part"}, "INVALID", ["url"]),
        ({"url": "https://example.com/\nhook"}, "INVALID", ["url"]),
        ({"url": "https://example.com/\0"}, "INVALID", ["url"]),
        ({"url": "https://example.com:99999/"}, "INVALID", ["url"]),
        ({"url": "https://[::1"}, "INVALID", ["url"]),
        ({"url": f"https://example.com/{'a' * 2_000}"}, "INVALID", ["url"]),
        ({"events": []}, "INVALID", ["events"]),
        ({"events": ["PING"]}, "INVALID", ["events"]),
        ({"labels": {"a": 1}}, "INVALID", ["labels", "a"]),
        ({"repository": "nonsense"}, "NOT_FOUND", ["repository"]),
        ({"taskFilter": {"kind": ["a\0"]}}, "INVALID", ["taskFilter"]),
        ({"taskFilter": {"user": "a\0"}}, "INVALID", ["taskFilter"]),
        ({"taskFilter": {"label": [{"key": "\ud800"}]}}, "INVALID", ["taskFilter"]),
        ({"taskFilter": {"and": [{"kind": ["a"] * 501}]}}, "LIMIT_EXCEEDED", []),
    ],
)
async def test_bad_webhook_is_refused(api: Api, fields: dict[str, Any], code: str, path: list[str]) -> None:
    payload = await create(api, **fields)

    assert payload["webhook"] is payload["secret"] is None
    assert [(error["code"], error["path"]) for error in payload["errors"]] == [(code, ["input", *path])]
    assert await Webhook.all().count() == 0


async def test_two_webhooks_have_two_names(api: Api) -> None:
    await made(api)

    assert [error["code"] for error in (await create(api))["errors"]] == ["NAME_TAKEN"]


class TestLimits:
    """Where receivers must not be private, and there may be one."""

    @pytest.fixture
    async def engine(self, data_dir: Any) -> AsyncIterator[LocalEngine]:
        settings = WebhookSettings(private_addresses=False, max_number=1)
        async with LocalEngine(data_dir, webhook=settings).running() as engine:
            yield engine

    @pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "10.1.2.3", "169.254.169.254", "2130706433", "0x7f.1"])
    async def test_private_address_is_refused(self, api: Api, host: str) -> None:
        payload = await create(api, url=f"http://{host}/")

        assert [(error["code"], error["path"]) for error in payload["errors"]] == [("NOT_PERMITTED", ["input", "url"])]

    async def test_there_are_no_more_than_there_may_be(self, api: Api) -> None:
        await made(api)

        assert [error["code"] for error in (await create(api, name="other"))["errors"]] == ["LIMIT_EXCEEDED"]


async def test_update_changes_what_is_given(api: Api, engine: LocalEngine) -> None:
    repository = await make_repository(engine)
    webhook = await made(api, taskFilter={"kind": ["a"]}, repository=gid("FileRepository", repository))
    key = gid("Webhook", webhook)

    renamed = (await api.run(UPDATE, input={"id": key, "name": "deploy", "events": ["TASK_STARTED"]}))["updateWebhook"]
    late = (await api.run(UPDATE, input={"id": key, "expectedRevision": 1, "url": "http://a/"}))["updateWebhook"]
    opened = (await api.run(UPDATE, input={"id": key, "taskFilter": None, "repository": None}))["updateWebhook"]
    bad = (await api.run(UPDATE, input={"id": key, "url": None}))["updateWebhook"]

    shown = renamed["webhook"]
    assert (shown["name"], shown["revision"], shown["events"]) == ("deploy", 2, ["TASK_STARTED"])
    assert (shown["taskFilter"], shown["isGlobal"]) == ({"kind": ["a"]}, False)
    assert [error["code"] for error in late["errors"]] == ["REVISION_CONFLICT"]
    assert (opened["webhook"]["taskFilter"], opened["webhook"]["isGlobal"]) == (None, True)
    assert [(error["code"], error["path"]) for error in bad["errors"]] == [("REQUIRED", ["input", "url"])]


async def test_paused_webhook_is_resumed(api: Api) -> None:
    key = gid("Webhook", await made(api))

    paused = (await api.run(PAUSE, id=key))["pauseWebhook"]
    resumed = (await api.run(RESUME, id=key))["resumeWebhook"]

    assert (paused["webhook"]["state"], resumed["webhook"]["state"]) == ("PAUSED", "ACTIVE")


async def test_secret_is_rotated(api: Api) -> None:
    key = gid("Webhook", await made(api))

    rotated = (await api.run(ROTATE, id=key, seconds=60))["rotateWebhookSecret"]
    bad = (await api.run(ROTATE, id=key, seconds=-1))["rotateWebhookSecret"]

    assert rotated["secret"].startswith("whsec_")
    until = datetime.fromisoformat(rotated["webhook"]["previousSecretUntil"])
    assert timedelta() < until - datetime.now(UTC) <= timedelta(seconds=60)
    assert [(error["code"], error["path"]) for error in bad["errors"]] == [("INVALID", ["keepPreviousSeconds"])]


async def test_deleted_webhook_is_told_nothing(api: Api, engine: LocalEngine) -> None:
    webhook = await made(api)
    delivery = (await api.run(TEST, id=gid("Webhook", webhook)))["testWebhook"]["delivery"]

    payload = (await api.run(DELETE, id=gid("Webhook", webhook)))["deleteWebhook"]

    assert payload == {"webhook": {"name": "ci"}, "errors": []}
    assert await deliveries.due(engine.database.connection) == []
    assert await deliveries.take(engine.database.connection, webhook.id, engine.settings.webhook) is None
    shown = await api.run("{ webhookDeliveries { edges { node { id } } } }")
    assert shown["webhookDeliveries"]["edges"] == []
    again = (await api.run(REDELIVER, id=delivery["id"]))["redeliverWebhookDelivery"]
    assert [error["code"] for error in again["errors"]] == ["NOT_FOUND"]


@pytest.mark.parametrize(
    "document", [DELETE, PAUSE, RESUME, ROTATE, TEST, REDELIVER], ids=lambda document: document.split("{")[1].strip()
)
@pytest.mark.parametrize(
    "key", ["nonsense", "a\0", "\ud800", "long" * 10], ids=["nonsense", "nul", "surrogate", "long"]
)
async def test_what_is_not_there_is_not_found(api: Api, document: str, key: str) -> None:
    [payload] = (await api.run(document, id=key)).values()

    assert [error["code"] for error in payload["errors"]] == ["NOT_FOUND"]


async def test_test_and_redelivery_show_in_the_log(api: Api, engine: LocalEngine) -> None:
    webhook = await made(api)
    connection = engine.database.connection

    tested = (await api.run(TEST, id=gid("Webhook", webhook)))["testWebhook"]["delivery"]
    taken = await deliveries.take(connection, webhook.id, engine.settings.webhook)
    assert taken is not None
    answered = {"status": 410, "error": "it answered 410", "answer": "no", "milliseconds": 7}
    attempt = Attempt(at=datetime.now(UTC), is_gone=True, **answered)  # type: ignore[arg-type]
    async with engine.unit_of_work() as work:
        await deliveries.record(work, taken[1], attempt)

    log = f"""
        {{
          webhook(name: "ci") {{ deliveries(filter: {{ state: [FAILED] }}) {{ edges {{ node {{ {DELIVERY} }} }} }} }}
        }}
    """
    shown = (await api.run(log))["webhook"]
    [failed] = [edge["node"] for edge in shown["deliveries"]["edges"]]
    assert (tested["state"], tested["event"], tested["attempts"]) == ("WAITING", "PING", [])
    assert (failed["id"], failed["state"], failed["attemptCount"]) == (tested["id"], "FAILED", 1)
    assert (failed["nextAttemptAt"], failed["lastStatus"], failed["lastError"]) == (None, 410, "it answered 410")
    assert failed["attempts"] == [{"at": attempt.at.isoformat(), **answered}]
    again = (await api.run(REDELIVER, id=tested["id"]))["redeliverWebhookDelivery"]
    assert again["errors"] == []
    assert (again["delivery"]["state"], again["delivery"]["endedAt"]) == ("WAITING", None)


async def test_lists_of_deliveries_take_the_same_queries_however_long_they_are(api: Api) -> None:
    async def make(name: str) -> None:
        await api.run(TEST, id=gid("Webhook", await made(api, name=name)))

    async def asked() -> int:
        with statements() as made_statements:
            await api.run(f"""
                {{
                  webhookDeliveries {{ totalCount edges {{ node {{ {DELIVERY} }} }} }}
                  webhooks {{ edges {{ node {{ {WEBHOOK} deliveries(first: 2) {{ edges {{ node {{ id }} }} }} }} }} }}
                }}
            """)
        return len(made_statements)

    await make("a")
    few = await asked()
    for name in "bcd":
        await make(name)

    assert await asked() == few


async def test_filters_on_deliveries(api: Api) -> None:
    first, second = await made(api, name="a"), await made(api, name="b")
    for webhook in (first, second):
        await api.run(TEST, id=gid("Webhook", webhook))
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()

    async def found(filter: dict[str, Any]) -> int:
        query = "query ($filter: WebhookDeliveryFilter) { webhookDeliveries(filter: $filter) { totalCount } }"
        count: int = (await api.run(query, filter=filter))["webhookDeliveries"]["totalCount"]
        return count

    assert await found({}) == 2
    assert await found({"webhook": gid("Webhook", first)}) == 1
    assert await found({"webhook": "nonsense"}) == 0
    assert await found({"event": ["PING"], "state": ["WAITING"]}) == 2
    assert await found({"event": ["TASK_CREATED"]}) == 0
    assert await found({"createdAfter": soon}) == 0
    assert await found({"createdBefore": soon}) == 2


FILTERS: list[dict[str, Any]] = [
    {},
    {"kind": ["gate.wait"]},
    {"kind": []},
    {"kind": ["file.sync"]},
    {"state": ["WAITING", "RUNNING"]},
    {"state": ["FAILED"]},
    {"not": {"state": ["COMPLETED"]}},
    {"repository": "nonsense"},
    {"not": {"repository": "nonsense"}},
    {"createdAfter": "2020-01-01T00:00:00Z"},
    {"createdBefore": "2020-01-01T00:00:00+02:00"},
    {"label": [{"key": "team", "value": "web"}]},
    {"label": [{"key": "team"}, {"key": "none"}]},
    {"label": [{"key": "team", "value": None}]},
    {"label": []},
    {"user": "alice"},
    {"user": ""},
    {"not": {"user": "alice"}},
    {"and": [{"kind": ["gate.wait"]}, {"label": [{"key": "team"}]}]},
    {"or": [{"kind": ["file.sync"]}, {"label": [{"key": "team", "value": "web"}]}]},
    {"or": []},
    {"and": []},
    {"not": {"or": [{"state": ["COMPLETED"]}, {"label": [{"key": "a.b"}]}]}},
]


async def test_filters_tell_of_the_tasks_that_the_same_filters_list(api: Api, engine: LocalEngine) -> None:
    group = await TaskGroup.create(description="")
    filters = [*FILTERS, {"group": gid("TaskGroup", group)}, {"not": {"group": gid("TaskGroup", group)}}]
    hooks = [
        await made(api, name=f"w{number}", events=["TASK_FINISHED"], taskFilter=wanted)
        for number, wanted in enumerate(filters)
    ]
    gate, held = make_gate()
    held.open()
    tasks = [
        await make_wait(engine, gate, labels={"team": "web"}, group_id=group.id),
        await make_wait(engine, gate, labels={"a.b": "c"}, fails=True),
    ]
    with acting_for("alice"):
        tasks.append(await make_wait(engine, gate))
    await asyncio.gather(*map(engine.finished, tasks))
    query = "query ($filter: TaskFilter) { tasks(filter: $filter) { edges { node { id } } } }"

    for hook, wanted in zip(hooks, filters, strict=True):
        listed = (await api.run(query, filter=wanted))["tasks"]["edges"]
        told = [gid("WaitTask", await Task.get(id=delivery.document["id"])) for delivery in await matched(hook)]
        assert sorted(told) == sorted(edge["node"]["id"] for edge in listed), wanted


async def test_changed_filter_is_for_what_happens_later(api: Api, engine: LocalEngine) -> None:
    webhook = await made(api, events=["TASK_CREATED"], taskFilter={"label": [{"key": "a"}]})
    gate, held = make_gate()
    held.open()

    async def create_both() -> tuple[Task, Task]:
        return await make_wait(engine, gate, labels={"a": ""}), await make_wait(engine, gate, labels={"b": ""})

    with_a, _ = await create_both()
    change = {"id": gid("Webhook", webhook), "taskFilter": {"label": [{"key": "b"}]}}
    assert (await api.run(UPDATE, input=change))["updateWebhook"]["errors"] == []
    _, with_b = await create_both()

    told = [delivery.document["id"] for delivery in await matched(webhook)]
    assert told == [str(with_a.id), str(with_b.id)]
    shown = await api.run("{ webhookDeliveries { totalCount } }")
    assert shown["webhookDeliveries"]["totalCount"] == 2
