"""The figures of the queues and the workers, as clients have them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from headbox.models import Worker
from tests.factories.task import make_gate, make_wait
from tests.integration.schema.api import Api
from tests.support.engine import LocalEngine
from tests.support.statements import statements

FIGURES = "runnable blocked running oldest waitP50Seconds waitP95Seconds"
WORKER = "name online startedAt stoppedAt currentTask { id } currentTasks { id }"


async def test_queue_stats_are_of_all_tasks_and_of_each_kind_and_priority(api: Api, engine: LocalEngine) -> None:
    gate, held = make_gate()
    for _ in range(3):
        await make_wait(engine, gate, resource="same")
    await held.holds(1)

    stats = (
        await api.run(
            f"{{ queueStats {{ {FIGURES} byKind {{ kind {FIGURES} }} byPriority {{ priority {FIGURES} }} }} }}"
        )
    )["queueStats"]

    assert (stats["runnable"], stats["blocked"], stats["running"]) == (0, 2, 1)
    assert 0 <= stats["waitP50Seconds"] <= stats["waitP95Seconds"] < 30
    assert [(part["kind"], part["blocked"]) for part in stats["byKind"]] == [("gate.wait", 2)]
    assert [(part["priority"], part["blocked"], part["oldest"]) for part in stats["byPriority"]] == [
        ("HIGH", 0, None),
        ("NORMAL", 2, stats["oldest"]),
        ("LOW", 0, None),
    ]
    held.open()


async def test_idle_queues_have_no_figures(api: Api) -> None:
    stats = (await api.run(f"{{ queueStats {{ {FIGURES} byKind {{ kind }} }} }}"))["queueStats"]

    assert stats == {
        "runnable": 0,
        "blocked": 0,
        "running": 0,
        "oldest": None,
        "waitP50Seconds": None,
        "waitP95Seconds": None,
        "byKind": [],
    }


async def test_worker_shows_all_that_it_does_side_by_side(api: Api, engine: LocalEngine) -> None:
    gate, held = make_gate()
    tasks = [await make_wait(engine, gate) for _ in range(2)]
    await held.holds(2)

    [worker] = (await api.run(f"{{ workers {{ {WORKER} }} }}"))["workers"]

    assert len(worker["currentTasks"]) == len(tasks)
    assert worker["currentTask"] == worker["currentTasks"][0]
    assert (worker["online"], worker["stoppedAt"]) == (True, None)
    held.open()


async def test_workers_of_the_past_are_listed_after_those_of_today(api: Api) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=1)
    await Worker.create(name="stopped", last_seen_at=long_ago, stopped_at=long_ago)
    await Worker.create(name="lost", last_seen_at=long_ago)

    page = f"edges {{ cursor node {{ {WORKER} }} }} totalCount"
    document = f"query ($after: String) {{ allWorkers(first: 2, after: $after) {{ {page} }} }}"
    first = (await api.run(document))["allWorkers"]
    second = (await api.run(document, after=first["edges"][-1]["cursor"]))["allWorkers"]

    assert first["totalCount"] == 3
    assert [edge["node"]["name"] for edge in first["edges"] + second["edges"]] == ["lost", "stopped", "test"]
    assert [edge["node"]["online"] for edge in first["edges"] + second["edges"]] == [False, False, True]


async def test_list_of_workers_takes_the_same_queries_however_long_it_is(api: Api) -> None:
    async def queries() -> int:
        with statements() as asked:
            await api.run(f"{{ allWorkers {{ edges {{ node {{ {WORKER} }} }} }} }}")
        return len(asked)

    # The first operation of a process reads more: it opens what the others use.
    await queries()
    few = await queries()
    for number in range(5):
        await Worker.create(name=f"w{number}", last_seen_at=datetime.now(UTC))

    assert await queries() == few
