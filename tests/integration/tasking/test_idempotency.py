"""Idempotency keys: the same request makes one task, another one is refused, and keys are forgotten in time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from headbox.errors import ErrorCode, IdempotencyConflict, Invalid
from headbox.models import IdempotencyKey
from headbox.models.database import now
from headbox.services import repository as repositories
from headbox.services import task as tasks
from headbox.tasking.user import acting_for
from tests.factories.remote import update_remote
from tests.factories.repository import make_repository
from tests.factories.task import make_gate, make_publish, make_sync, make_wait
from tests.support.engine import LocalEngine
from tests.support.upstream import Upstream


@pytest.fixture(autouse=True)
def nothing_runs(engine: LocalEngine) -> None:
    engine.dispatcher.is_losing = True


async def test_same_request_gives_the_same_task(engine: LocalEngine, upstream: Upstream) -> None:
    repository = await make_repository(engine, upstream)

    first = await make_sync(engine, repository, idempotency_key="key")
    second = await make_sync(engine, repository, idempotency_key="key")

    assert second.id == first.id
    assert [await engine.rows_of(table) for table in ("task", "task_claim")] == [1, 1]


async def test_request_stays_the_same_when_the_remote_was_updated_meanwhile(
    engine: LocalEngine, upstream: Upstream
) -> None:
    repository = await make_repository(engine, upstream)
    first = await make_sync(engine, repository, idempotency_key="key")
    await repository.fetch_related("remote")
    assert repository.remote is not None
    await update_remote(engine, repository.remote, max_retries=7)

    second = await make_sync(engine, repository, idempotency_key="key")

    assert second.id == first.id


async def test_key_of_another_user_is_refused(engine: LocalEngine, upstream: Upstream) -> None:
    repository = await make_repository(engine, upstream)
    with acting_for("alice"):
        first = await make_sync(engine, repository, idempotency_key="key")

    for user in ("bob", None):
        with acting_for(user), pytest.raises(IdempotencyConflict):
            await make_sync(engine, repository, idempotency_key="key")

    with acting_for("alice"):
        assert (await make_sync(engine, repository, idempotency_key="key")).id == first.id


@pytest.mark.parametrize("difference", [{"force": True}, {"mode": "additive"}, {"on_error": "skip"}])
async def test_key_of_another_request_is_refused(
    engine: LocalEngine, upstream: Upstream, difference: dict[str, object]
) -> None:
    repository = await make_repository(engine, upstream)
    await make_sync(engine, repository, idempotency_key="key")

    with pytest.raises(IdempotencyConflict) as raised:
        await make_sync(engine, repository, idempotency_key="key", **difference)

    assert raised.value.path == ("idempotency_key",)
    assert raised.value.code is ErrorCode.INVALID
    assert await engine.rows_of("task") == 1


async def test_key_of_a_sync_does_not_serve_a_publish(engine: LocalEngine, upstream: Upstream) -> None:
    repository = await make_repository(engine, upstream)
    await make_sync(engine, repository, idempotency_key="key")

    with pytest.raises(IdempotencyConflict):
        await make_publish(engine, repository, idempotency_key="key")


async def test_repeat_takes_a_key_too(engine: LocalEngine) -> None:
    engine.dispatcher.is_losing = False
    name, gate = make_gate()
    gate.open()
    task = await engine.completed(await make_wait(engine, name))

    repeated = []
    for _ in range(2):
        async with engine.unit_of_work() as work:
            repeated.append(await tasks.repeat(work, task, idempotency_key="key"))

    assert repeated[0].id == repeated[1].id
    await engine.completed(repeated[0])


async def test_expired_key_is_free(engine: LocalEngine, upstream: Upstream) -> None:
    repository = await make_repository(engine, upstream)
    first = await make_sync(engine, repository, idempotency_key="key")
    key = await IdempotencyKey.get(key="key")
    assert key.expires_at - first.created_at > timedelta(hours=23)

    await IdempotencyKey.all().update(expires_at=await now(engine.database.connection))
    second = await make_sync(engine, repository, idempotency_key="key", force=True)

    assert second.id != first.id


@pytest.mark.parametrize("key", ["", "k" * 256])
async def test_key_that_cannot_be_is_refused(engine: LocalEngine, upstream: Upstream, key: str) -> None:
    repository = await make_repository(engine, upstream)

    with pytest.raises(Invalid, match="1 to 255 characters"):
        await make_sync(engine, repository, idempotency_key=key)

    assert await engine.rows_of("task") == 0


async def test_same_publish_is_the_same_task_after_the_settings_changed(
    engine: LocalEngine, upstream: Upstream
) -> None:
    repository = await make_repository(engine, upstream)
    first = await make_publish(engine, repository, idempotency_key="key")
    async with engine.unit_of_work() as work:
        changes = {"publish_settings": {"manifest": "OTHER"}}
        await repositories.update(work, repository, changes=changes, expected_revision=None)

    assert (await make_publish(engine, repository, idempotency_key="key")).id == first.id
