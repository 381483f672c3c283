"""What is written down for webhooks: everything that becomes visible, with it, and nothing else."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from headbox.models import Distribution, Publication, Repository, RepositoryVersion, Task, Webhook, WebhookDelivery
from headbox.models.database import fetch
from headbox.resolvers.ids import GlobalId
from headbox.services import publication as publications
from headbox.services import webhook as webhooks
from headbox.tasking import lifecycle
from headbox.tasking.engine import UnitOfWork
from headbox.types import Automation, WebhookEvent, WebhookState
from headbox.workers.webhooks import WebhookSender
from tests.factories.repository import make_repository
from tests.factories.task import make_gate, make_sync, make_wait
from tests.factories.webhook import make_webhook
from tests.integration.webhooks.sending import ended
from tests.support.engine import LocalEngine
from tests.support.receiver import Receiver
from tests.support.statements import statements
from tests.support.upstream import Upstream, pulp_manifest

FILES = {"a.txt": b"first", "b.txt": b"second"}
URL = "http://127.0.0.1:9/"


@pytest.fixture
def files(upstream: Upstream) -> Upstream:
    """An upstream of two files."""
    upstream.files.update({**FILES, "PULP_MANIFEST": pulp_manifest(FILES)})
    return upstream


async def told(webhook: Webhook) -> list[str]:
    """Return the events that were written down for a webhook, in order."""
    deliveries = await WebhookDelivery.filter(webhook_id=webhook.id).order_by("id")
    return [delivery.event.value for delivery in deliveries]


async def run_task(engine: LocalEngine, **options: Any) -> Task:
    """Return a task that has run to its end."""
    gate, held = make_gate()
    held.open()
    return await engine.finished(await make_wait(engine, gate, **options))


def gid(type_name: str, row: Any) -> str:
    return str(GlobalId(type_name, row.id))


async def test_sync_that_is_distributed_is_told_whole_and_in_order(
    engine: LocalEngine, sender: WebhookSender, receiver: Receiver, files: Upstream
) -> None:
    repository = await make_repository(engine, files, "mirror", automation=Automation.DISTRIBUTE)
    webhook = await make_webhook(engine, receiver.hook)

    task = await engine.completed(await make_sync(engine, repository, automation=Automation.DISTRIBUTE))

    await ended(sender, webhook, 6)
    messages = [message.document for message in receiver.messages]
    assert [message["type"] for message in messages] == [
        "task.created",
        "task.started",
        "repository_version.created",
        "publication.created",
        "distribution.updated",
        "task.finished",
    ]
    version = await RepositoryVersion.get(repository_id=repository.id, number=1)
    publication, distribution = await Publication.get(), await Distribution.get()
    in_repository = {"id": gid("FileRepository", repository), "name": repository.name}
    in_version = {"id": gid("RepositoryVersion", version), "number": 1}
    assert messages[2]["data"] == {
        "repository": in_repository,
        "repositoryVersion": {**in_version, "present": 2, "added": 2, "removed": 0, "size": 11},
    }
    assert messages[3]["data"] == {
        "repository": in_repository,
        "repositoryVersion": in_version,
        "publication": {"id": gid("Publication", publication), "distributable": True},
    }
    assert messages[4]["data"] == {
        "distribution": {
            "id": gid("Distribution", distribution),
            "name": "mirror",
            "basePath": "mirror",
            "url": "/content/mirror/",
        },
        "repository": in_repository,
        "repositoryVersion": in_version,
        "publication": {"id": gid("Publication", publication)},
    }
    finished = messages[5]["data"]
    assert finished["repository"] == in_repository
    assert finished["task"] == {
        "id": gid("FileSync", task),
        "kind": "file.sync",
        "state": "COMPLETED",
        "priority": "NORMAL",
        "labels": {},
        "attempt": 1,
        "correlationId": task.correlation_id,
        "user": None,
        "createdAt": task.created_at.isoformat(),
        "startedAt": task.started_at.isoformat() if task.started_at else None,
        "finishedAt": task.finished_at.isoformat() if task.finished_at else None,
        "error": None,
        "createdResources": [gid("RepositoryVersion", version), gid("Publication", publication)],
    }
    assert all(datetime.fromisoformat(message["timestamp"]).tzinfo for message in messages)


async def test_failed_task_tells_why(engine: LocalEngine, sender: WebhookSender, receiver: Receiver) -> None:
    webhook = await make_webhook(engine, receiver.hook, events=[WebhookEvent.TASK_FINISHED])

    task = await run_task(engine, fails=True)

    await ended(sender, webhook)
    [message] = receiver.messages
    shown = message.document["data"]["task"]
    assert shown["state"] == "FAILED"
    assert task.error is not None
    assert shown["error"] == {name: task.error[name] for name in ("code", "message", "hint", "retryable")}


async def test_task_that_is_canceled_while_it_waits_is_told_once(engine: LocalEngine) -> None:
    gate, held = make_gate()
    running = await make_wait(engine, gate, resource="one")
    await held.holds(1)
    waiting = await make_wait(engine, gate, resource="one")
    webhook = await make_webhook(engine, URL)

    await engine.cancel(waiting)

    [delivery] = await WebhookDelivery.filter(webhook_id=webhook.id)
    assert delivery.event is WebhookEvent.TASK_FINISHED
    assert (delivery.document["state"], delivery.document["error"]["code"]) == ("canceled", "CANCELED")
    assert delivery.document["finished_at"] is not None
    held.open()
    await engine.finished(running)


async def test_what_is_taken_back_was_never_told(engine: LocalEngine) -> None:
    webhook = await make_webhook(engine, URL)
    gate, _ = make_gate()

    async def create(work: UnitOfWork) -> None:
        await lifecycle.create(work, Task(kind="gate.wait", input={"gate": gate}, correlation_id="c"), held=[])
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await engine.transact(create)

    assert await told(webhook) == []


async def test_webhook_of_a_repository_is_told_nothing_else(engine: LocalEngine, files: Upstream) -> None:
    mine, other = await make_repository(engine, files), await make_repository(engine, files)
    webhook = await make_webhook(engine, URL, repository_id=mine.id)

    await engine.completed(await make_sync(engine, other))
    await run_task(engine)
    assert await told(webhook) == []

    await engine.completed(await make_sync(engine, mine))
    assert await told(webhook) == ["task.created", "task.started", "repository_version.created", "task.finished"]


async def test_publication_that_was_held_back_is_told_again_when_it_is_released(
    engine: LocalEngine, files: Upstream
) -> None:
    repository = await make_repository(engine, files, "held", automation=Automation.PUBLISH)
    events = [WebhookEvent.PUBLICATION_CREATED, WebhookEvent.PUBLICATION_RELEASED, WebhookEvent.DISTRIBUTION_UPDATED]
    webhook = await make_webhook(engine, URL, events=events)
    await engine.completed(await make_sync(engine, repository, automation=Automation.PUBLISH))
    assert await told(webhook) == ["publication.created"]

    async with engine.unit_of_work() as work:
        await publications.release(work, await Publication.get(using_db=work.connection))

    assert await told(webhook) == ["publication.created", "publication.released", "distribution.updated"]


async def test_paused_webhook_is_told_later_and_a_disabled_one_never(
    engine: LocalEngine, sender: WebhookSender, receiver: Receiver
) -> None:
    events = [WebhookEvent.TASK_FINISHED]
    paused = await make_webhook(engine, receiver.url_of("hook"), events=events)
    disabled = await make_webhook(engine, URL, events=events)
    async with engine.unit_of_work() as work:
        await webhooks.pause(work, paused)
    await Webhook.filter(id=disabled.id).update(state=WebhookState.DISABLED)

    await run_task(engine)
    await sender.run()
    assert receiver.messages == []

    async with engine.unit_of_work() as work:
        await webhooks.resume(work, paused)
        await webhooks.resume(work, disabled)
    await ended(sender, paused)
    assert [message.type for message in receiver.messages] == ["task.finished"]
    assert await told(disabled) == []


async def test_task_is_told_without_a_statement_for_it(engine: LocalEngine) -> None:
    webhook = await make_webhook(engine, URL)

    with statements() as asked:
        await run_task(engine)

    assert [statement for statement in asked if "webhook" in statement] == []
    assert await told(webhook) == ["task.created", "task.started", "task.finished"]


async def test_last_words_of_a_repository_are_told_when_it_is_gone(
    engine: LocalEngine, sender: WebhookSender, receiver: Receiver, files: Upstream
) -> None:
    repository = await make_repository(engine, files)
    webhook = await make_webhook(
        engine, receiver.hook, repository_id=repository.id, events=[WebhookEvent.REPOSITORY_VERSION_CREATED]
    )
    await engine.completed(await make_sync(engine, repository))
    await Repository.filter(id=repository.id).delete()

    await ended(sender, webhook)

    [message] = receiver.messages
    assert message.document["data"]["repository"]["name"] == repository.name


async def test_triggers_tell_of_every_event_there_is(engine: LocalEngine) -> None:
    dialect_query = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if engine.settings.database.url is None
        else "SELECT tgname AS name FROM pg_trigger WHERE NOT tgisinternal"
    )

    rows = await fetch(engine.database.connection, dialect_query)

    assert {row["name"] for row in rows} == {f"webhook_{event.replace('.', '_')}" for event in webhooks.ALL_EVENTS}
