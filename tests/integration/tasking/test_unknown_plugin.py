"""Rows of a plugin that is not installed any more: the server runs on, and says what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from headbox.errors import Invalid
from headbox.models import Remote, Repository, Task
from headbox.services import remote as remotes
from headbox.services import repository as repositories
from headbox.services import task as tasks
from headbox.tasking import lifecycle
from headbox.tasking.claims import Claim
from headbox.types import TaskState
from tests.factories.remote import make_remote
from tests.factories.repository import make_repository
from tests.factories.task import make_gate, make_wait
from tests.support.engine import EmbeddedEngine, LocalEngine
from tests.support.upstream import Upstream


async def test_waiting_task_of_an_unknown_plugin_fails_and_lets_others_go_on(engine: LocalEngine) -> None:
    name, gate = make_gate()
    gate.open()
    async with engine.unit_of_work() as work:
        gone = Task(kind="gone.sync", correlation_id="test")
        await lifecycle.create(work, gone, [Claim("resource:shelf", exclusive=True)])
    behind = await make_wait(engine, name, resource="shelf")

    error = await engine.failed(gone)
    await engine.completed(behind)

    assert error["code"] == "NOT_FOUND"
    assert error["message"] == "There is no task type 'gone.sync'."
    assert error["hint"] == "Install the plugin that brings it; then repeat the task."


async def test_task_whose_plugin_went_is_repeated_when_it_is_back(data_dir: Path) -> None:
    name, gate = make_gate()
    gate.open()
    async with LocalEngine(data_dir).running() as engine:
        engine.dispatcher.is_losing = True
        task = await make_wait(engine, name, "late")
    # This engine has the file plugin alone.
    async with EmbeddedEngine(data_dir).running() as without:
        failed = await without.finished(task)
        with pytest.raises(Invalid, match=r"no plugin for 'gate\.wait' is installed"):
            async with without.unit_of_work() as work:
                await tasks.repeat(work, failed)

    async with LocalEngine(data_dir).running() as engine:
        async with engine.unit_of_work() as work:
            again = await tasks.repeat(work, failed)
        await engine.completed(again)

    assert failed.state is TaskState.FAILED
    assert gate.ended == ["late"]


async def test_rows_of_an_unknown_kind_cannot_be_updated(engine: LocalEngine, upstream: Upstream) -> None:
    remote, repository = await make_remote(engine, upstream), await make_repository(engine)
    await Remote.filter(id=remote.id).update(kind="gone.remote")
    await Repository.filter(id=repository.id).update(kind="gone.repository")

    with pytest.raises(Invalid, match=r"no plugin for 'gone\.remote' is installed"):
        async with engine.unit_of_work() as work:
            await remotes.update(work, remote, changes={"max_retries": 1}, expected_revision=None)
    with pytest.raises(Invalid, match=r"no plugin for 'gone\.repository' is installed"):
        async with engine.unit_of_work() as work:
            await repositories.update(work, repository, changes={"name": "other"}, expected_revision=None)

    assert (await Remote.get(id=remote.id)).revision == 1
    assert (await Repository.get(id=repository.id)).revision == 1
