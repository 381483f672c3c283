"""The life of a task: taken once, fenced, given back, taken from lost workers, canceled, repeated."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from headbox.errors import ErrorCode, Invalid, NotCancelable
from headbox.models import Task, Worker
from headbox.models.database import fetch, now
from headbox.plugin_api import DeclaredContent, SyncContext
from headbox.plugins.file.kinds import FileRemote
from headbox.plugins.file.sync import FileSync
from headbox.services import task as tasks
from headbox.tasking import lifecycle
from headbox.tasking.lifecycle import Attempt, AttemptOver, Outcome
from headbox.types import TaskState
from tests.factories.repository import make_repository
from tests.factories.task import make_gate, make_sync, make_wait
from tests.support.engine import LocalEngine
from tests.support.upstream import Upstream


async def fall_silent(engine: LocalEngine, *, seconds: float = 60) -> None:
    """Let every worker look as if it had not been seen for so long."""
    seen = await now(engine.database.connection) - timedelta(seconds=seconds)
    await Worker.all().update(last_seen_at=seen)


async def take_back(engine: LocalEngine) -> None:
    """Do what the reconciler does about lost workers."""
    seconds = engine.settings.worker
    silent_since = lifecycle.lost_before(await now(engine.database.connection), seconds.lost_after_seconds)
    if await lifecycle.has_lost(engine.database.connection, silent_since):
        async with engine.unit_of_work() as work:
            await lifecycle.take_back(work, silent_since, seconds.max_attempts)


async def test_task_runs_to_its_end(engine: LocalEngine) -> None:
    name, gate = make_gate()

    task = await make_wait(engine, name, "only", labels={"for": "test"})
    assert (task.state, task.attempt) == (TaskState.WAITING, 0)
    running = await engine.reached(task, {TaskState.RUNNING})
    gate.open()
    done = await engine.completed(task)

    assert running.started_at is not None
    assert done.finished_at is not None
    assert (done.attempt, done.losses, done.labels) == (1, 0, {"for": "test"})
    assert gate.ended == ["only"]
    [action] = done.actions
    assert (action["name"], action["state"]) == ("wait", "completed")
    assert [(report["done"], report["state"]) for report in action["reports"]] == [(2, "completed")]
    await engine.assert_nothing_left()


async def test_failure_is_told_with_its_action(engine: LocalEngine) -> None:
    name, gate = make_gate()
    gate.open()

    error = await engine.failed(task := await make_wait(engine, name, fails=True))

    assert error["code"] == ErrorCode.METADATA_INVALID
    assert [action["state"] for action in (await Task.get(id=task.id)).actions] == ["failed"]
    await engine.assert_nothing_left()


async def test_doubled_messages_run_a_task_once(engine: LocalEngine) -> None:
    name, gate = make_gate()
    engine.dispatcher.copies = 5

    task = await make_wait(engine, name, "once")
    await engine.reached(task, {TaskState.RUNNING})
    engine.dispatcher.deliver(task.id, await engine.hire())
    gate.open()
    done = await engine.completed(task)
    engine.dispatcher.deliver(task.id, engine.runner)
    await engine.dispatcher.rest()

    assert gate.began == ["once"]
    assert done.attempt == 1


async def test_lost_message_is_sent_again(engine: LocalEngine) -> None:
    name, gate = make_gate()
    gate.open()
    engine.dispatcher.is_losing = True
    task = await make_wait(engine, name)
    await asyncio.sleep(0.05)
    assert (await Task.get(id=task.id)).state is TaskState.WAITING

    engine.dispatcher.is_losing = False
    await engine.send_again()

    await engine.completed(task)


class TestFence:
    """An attempt that was taken back changes nothing any more."""

    async def test_attempt_that_was_taken_back_cannot_complete(self, engine: LocalEngine) -> None:
        name, gate = make_gate()
        task = await make_wait(engine, name, "first")
        first = await engine.reached(task, {TaskState.RUNNING})
        await fall_silent(engine)
        engine.dispatcher.is_losing = True
        await take_back(engine)

        gate.open()
        await engine.dispatcher.rest()

        row = await Task.get(id=task.id)
        assert (row.state, row.attempt, row.losses) == (TaskState.WAITING, first.attempt, 1)
        assert row.result == {}

    async def test_second_attempt_completes_while_the_first_one_still_runs(self, engine: LocalEngine) -> None:
        name, gate = make_gate()
        task = await make_wait(engine, name, "both")
        await engine.reached(task, {TaskState.RUNNING})
        other = await engine.hire()
        engine.dispatcher.is_losing = True
        await fall_silent(engine)
        await take_back(engine)

        engine.dispatcher.deliver(task.id, other)
        await engine.reached(task, {TaskState.RUNNING})
        gate.open()
        done = await engine.completed(task)

        assert (done.attempt, done.losses) == (2, 1)
        assert gate.began == ["both", "both"]
        await engine.assert_nothing_left()

    async def test_both_attempts_may_run_in_one_worker(self, engine: LocalEngine) -> None:
        name, gate = make_gate()
        task = await make_wait(engine, name, "both")
        await engine.reached(task, {TaskState.RUNNING})

        await fall_silent(engine)
        await take_back(engine)
        await gate.holds(2)
        await engine.runner.compare()
        await gate.holds(1)
        await engine.cancel(task)

        assert (await engine.finished(task)).state is TaskState.CANCELED
        await engine.assert_nothing_left()

    @pytest.mark.parametrize("state", [TaskState.WAITING, TaskState.CANCELING, TaskState.COMPLETED])
    async def test_nothing_is_written_for_an_attempt_that_is_over(self, engine: LocalEngine, state: TaskState) -> None:
        engine.dispatcher.is_losing = True
        task = await make_wait(engine, "none")
        await Task.filter(id=task.id).update(state=state, attempt=1)
        attempt = Attempt(task.id, 1)

        with pytest.raises(AttemptOver):
            async with engine.unit_of_work() as work:
                await lifecycle.complete(work, attempt, Outcome({"done": True}), [])
        await lifecycle.save_progress(engine.database.connection, Attempt(task.id, 2), '[{"name": "late"}]')

        row = await Task.get(id=task.id)
        assert (row.state, row.result, row.actions) == (state, {}, [])

    async def test_transaction_of_an_attempt_that_is_over_is_rolled_back(self, engine: LocalEngine) -> None:
        engine.dispatcher.is_losing = True
        task = await make_wait(engine, "none")

        async def change() -> None:
            async with engine.unit_of_work() as work:
                await Task.filter(id=task.id).using_db(work.connection).update(labels={"changed": "yes"})
                await lifecycle.hold(work.connection, Attempt(task.id, 1))

        with pytest.raises(AttemptOver):
            await change()

        assert (await Task.get(id=task.id)).labels == {}


class TestLostWorkers:
    async def test_task_of_a_lost_worker_is_taken_up_again(self, engine: LocalEngine) -> None:
        name, gate = make_gate()
        task = await make_wait(engine, name)
        await engine.reached(task, {TaskState.RUNNING})

        await fall_silent(engine)
        await take_back(engine)
        second = await engine.reached(task, {TaskState.RUNNING})
        gate.open()

        assert (await engine.completed(task)).attempt == second.attempt == 2

    async def test_task_of_a_worker_that_lives_is_left_alone(self, engine: LocalEngine) -> None:
        name, gate = make_gate()
        task = await make_wait(engine, name)
        await engine.reached(task, {TaskState.RUNNING})

        await fall_silent(engine, seconds=engine.settings.worker.lost_after_seconds - 2)
        await take_back(engine)
        gate.open()

        assert (await engine.completed(task)).attempt == 1

    async def test_third_loss_fails_the_task(self, engine: LocalEngine) -> None:
        engine.dispatcher.is_losing = True
        name, gate = make_gate()
        task = await make_wait(engine, name, resource="shelf")
        behind = await make_wait(engine, name, resource="shelf")

        for _ in range(3):
            engine.dispatcher.deliver(task.id, await engine.hire())
            await engine.reached(task, {TaskState.RUNNING})
            await fall_silent(engine)
            await take_back(engine)

        row = await Task.get(id=task.id)
        assert row.error is not None
        assert (row.state, row.losses, row.error["code"]) == (TaskState.FAILED, 3, ErrorCode.WORKER_LOST)
        assert engine.dispatcher.sent[-1] == behind.id
        gate.open()

    async def test_third_end_that_is_not_written_fails_the_task(self, engine: LocalEngine) -> None:
        engine.dispatcher.is_losing = True
        task = await make_wait(engine, "none")
        worker = await Worker.get()

        for attempt in (1, 2, 3):
            await Task.filter(id=task.id).update(state=TaskState.RUNNING, attempt=attempt, worker_id=worker.id)
            # At the second time: at the first one, it may have been taken just now.
            await engine.runner.compare()
            await engine.runner.compare()

        assert (await engine.failed(task))["code"] == ErrorCode.WORKER_LOST

    async def test_canceled_task_of_a_lost_worker_ends_canceled(self, engine: LocalEngine) -> None:
        engine.dispatcher.is_losing = True
        task = await make_wait(engine, "none")
        await Task.filter(id=task.id).update(state=TaskState.CANCELING, attempt=1)

        await take_back(engine)

        assert (await Task.get(id=task.id)).state is TaskState.CANCELED
        assert await engine.rows_of("task_claim") == 0


class TestShutdown:
    async def test_running_task_is_given_back_and_keeps_its_place(self, engine: LocalEngine) -> None:
        name, gate = make_gate()
        task = await make_wait(engine, name, "first", resource="shelf")
        await make_wait(engine, name, "second", resource="shelf")
        await engine.reached(task, {TaskState.RUNNING})

        await engine.runner.stop()

        row = await Task.get(id=task.id)
        assert (row.state, row.worker_id, row.losses) == (TaskState.WAITING, None, 0)
        gate.open()
        engine.dispatcher.runners.insert(0, await engine.hire())
        await engine.send_again()
        await engine.completed(task)
        await engine.dispatcher.rest()
        assert gate.ended == ["first", "second"]

    async def test_being_asked_to_stop_again_meanwhile_loses_nothing(self, engine: LocalEngine) -> None:
        name, _ = make_gate()
        task = await make_wait(engine, name)
        await engine.reached(task, {TaskState.RUNNING})

        stops = [asyncio.create_task(engine.runner.stop()) for _ in range(5)]
        for _ in range(5):
            await asyncio.sleep(0)
            stops.append(asyncio.create_task(engine.runner.stop()))
        await asyncio.gather(*stops)

        row = await Task.get(id=task.id)
        assert (row.state, row.worker_id) == (TaskState.WAITING, None)

    @pytest.mark.embedded
    async def test_statement_without_end_keeps_nobody(
        self, engine: LocalEngine, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        began = asyncio.Event()
        forever = "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number) SELECT MAX(n) FROM number"

        async def declare(_: FileSync, ctx: SyncContext[FileRemote]) -> AsyncIterator[DeclaredContent]:
            began.set()
            await fetch(engine.database.connection, forever)
            for _ in ():
                yield _

        monkeypatch.setattr(FileSync, "declare", declare)
        task = await make_sync(engine, await make_repository(engine, upstream))
        await began.wait()
        await asyncio.sleep(0.2)  # Nothing can be asked of the database from here on.

        await engine.runner.stop(0.2)

        row = await Task.get(id=task.id)
        assert (row.state, row.worker_id, row.losses) == (TaskState.WAITING, None, 0)

    async def test_stopped_worker_takes_nothing(self, engine: LocalEngine) -> None:
        name, _ = make_gate()
        await engine.runner.stop()

        task = await make_wait(engine, name)
        await engine.dispatcher.rest()

        assert (await Task.get(id=task.id)).state is TaskState.WAITING


class TestCancel:
    async def test_waiting_task_ends_at_once(self, engine: LocalEngine) -> None:
        name, gate = make_gate()
        first = await make_wait(engine, name, "first", resource="shelf")
        second = await make_wait(engine, name, "second", resource="shelf")
        third = await make_wait(engine, name, "third", resource="shelf")

        canceled = await engine.cancel(second)
        gate.open()
        await engine.completed(first)
        await engine.completed(third)

        assert canceled.state is TaskState.CANCELED
        assert canceled.error is not None
        assert canceled.error["code"] == ErrorCode.CANCELED
        assert canceled.started_at is None
        assert gate.ended == ["first", "third"]
        await engine.assert_nothing_left()

    async def test_running_task_ends_soon_and_leaves_nothing(self, engine: LocalEngine) -> None:
        name, gate = make_gate()
        task = await make_wait(engine, name, resource="shelf")
        behind = await make_wait(engine, name, "behind", resource="shelf")
        await engine.reached(task, {TaskState.RUNNING})

        asked = await engine.cancel(task)
        done = await engine.finished(task)
        gate.open()
        await engine.completed(behind)

        assert asked.state is TaskState.CANCELING
        assert done.state is TaskState.CANCELED
        assert [action["state"] for action in done.actions] == ["canceled"]
        assert gate.ended == ["behind"]
        await engine.assert_nothing_left()

    async def test_running_task_ends_without_the_bus(self, engine: LocalEngine) -> None:
        name, _ = make_gate()
        task = await make_wait(engine, name)
        await engine.reached(task, {TaskState.RUNNING})
        await Task.filter(id=task.id).update(state=TaskState.CANCELING)

        await engine.runner.compare()

        assert (await engine.finished(task)).state is TaskState.CANCELED

    async def test_asking_again_and_again_ends_a_task_once(self, engine: LocalEngine) -> None:
        name, _ = make_gate()
        task = await make_wait(engine, name)
        await engine.reached(task, {TaskState.RUNNING})

        for _ in range(5):
            with contextlib.suppress(NotCancelable):
                await engine.cancel(task)

        assert (await engine.finished(task)).state is TaskState.CANCELED
        await engine.assert_nothing_left()

    async def test_finished_task_cannot_be_canceled(self, engine: LocalEngine) -> None:
        name, gate = make_gate()
        gate.open()
        task = await make_wait(engine, name)
        done = await engine.completed(task)

        with pytest.raises(NotCancelable, match="completed already"):
            await engine.cancel(task)

        assert await Task.get(id=task.id).values() == await Task.get(id=done.id).values()


class TestRepeat:
    async def test_repeat_makes_another_task_of_the_same_input(self, engine: LocalEngine) -> None:
        name, gate = make_gate()
        gate.open()
        first = await engine.completed(await make_wait(engine, name, "again", labels={"for": "test"}))

        async with engine.unit_of_work() as work:
            second = await tasks.repeat(work, first)
        await engine.completed(second)

        assert second.id != first.id
        assert (second.repeats_id, second.input, second.labels) == (first.id, first.input, first.labels)
        assert gate.ended == ["again", "again"]

    async def test_unfinished_task_cannot_be_repeated(self, engine: LocalEngine) -> None:
        name, _ = make_gate()
        task = await make_wait(engine, name)

        with pytest.raises(Invalid, match="not finished"):
            async with engine.unit_of_work() as work:
                await tasks.repeat(work, task)

        assert await engine.rows_of("task") == 1
