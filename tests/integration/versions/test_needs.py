"""Units that need others: what a copy brings with it, and what cannot be removed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from headbox.errors import UnitNeeded
from headbox.models import Task
from tests.factories.content import latest_version
from tests.integration.versions.kits import Kits, part_id
from tests.support.engine import LocalEngine

#: lid -> box -> board -> wood; a handle stands alone.
CHAIN: dict[str, Sequence[str]] = {"lid": ["box"], "box": ["board"], "board": ["wood"], "wood": [], "handle": []}
#: Each needs the next one, and the last the first.
CYCLE: dict[str, Sequence[str]] = {"egg": ["hen"], "hen": ["chick"], "chick": ["egg"]}


@pytest.fixture
def kits(engine: LocalEngine) -> Kits:
    return Kits(engine)


async def refused(kits: Kits, task: Task, path: str = "remove") -> tuple[set[str], set[str]]:
    """Wait for a task that is refused, and return the ids of what is needed, and of those that need it."""
    error = await kits.engine.failed(task)
    assert (error["code"], error["path"]) == ("UNIT_CONFLICT", [path])
    return set(error["values"]["needed"].split()), set(error["values"]["needed_by"].split())


def ids(*parts: str) -> set[str]:
    return {f"Part:{part_id(part)}" for part in parts}


async def all_of(kits: Kits, tasks: Sequence[Task]) -> list[Task]:
    """Let tasks run that were created while messages were lost."""
    kits.engine.dispatcher.is_losing = False
    await kits.engine.runner.run(tasks[0].id)
    return [await kits.engine.finished(task) for task in tasks]


@pytest.mark.parametrize("parts", [CHAIN, CYCLE], ids=["chain", "cycle"])
async def test_copy_brings_all_that_is_needed(kits: Kits, parts: dict[str, Sequence[str]]) -> None:
    await kits.make(parts)
    source, target = await kits.repository(*parts), await kits.repository()

    await kits.engine.completed(await kits.begin_copy(target, await latest_version(source)))

    assert await kits.held(target) == set(parts)


async def test_copy_does_without_what_its_source_does_not_hold(kits: Kits) -> None:
    await kits.make(CHAIN)
    source, target = await kits.repository("lid", "board"), await kits.repository()

    await kits.engine.completed(await kits.begin_copy(target, await latest_version(source)))

    assert await kits.held(target) == {"lid", "board"}


async def test_what_is_needed_cannot_be_removed(kits: Kits) -> None:
    await kits.make(CHAIN)
    repository = await kits.repository(*CHAIN)

    needed, needed_by = await refused(kits, await kits.begin_add(repository, remove=["wood", "box", "handle"]))

    assert (needed, needed_by) == (ids("wood", "box"), ids("board", "lid"))
    assert await kits.held(repository) == set(CHAIN)
    assert (await latest_version(repository)).number == 1


@pytest.mark.parametrize(
    ("parts", "removed"),
    [(CHAIN, ["lid"]), (CHAIN, ["lid", "box", "board"]), (CYCLE, ["egg", "hen", "chick"])],
    ids=["end of a chain", "most of a chain", "whole cycle"],
)
async def test_what_goes_together_can_be_removed(
    kits: Kits, parts: dict[str, Sequence[str]], removed: list[str]
) -> None:
    await kits.make(parts)
    repository = await kits.repository(*parts)

    await kits.engine.completed(await kits.begin_add(repository, remove=removed))

    assert await kits.held(repository) == set(parts) - set(removed)


async def test_no_part_of_a_cycle_can_be_removed_alone(kits: Kits) -> None:
    await kits.make(CYCLE)
    repository = await kits.repository(*CYCLE)

    assert await refused(kits, await kits.begin_add(repository, remove=["egg"])) == (ids("egg"), ids("chick"))
    assert await refused(kits, await kits.begin_add(repository, remove=["egg", "hen"])) == (ids("egg"), ids("chick"))


async def test_what_is_needed_may_be_missing_and_come_later(kits: Kits) -> None:
    await kits.make(CHAIN)
    repository = await kits.repository("lid")

    await kits.engine.completed(await kits.begin_add(repository, "box"))

    assert await refused(kits, await kits.begin_add(repository, remove=["box"])) == (ids("box"), ids("lid"))


async def test_what_is_needed_cannot_be_overwritten(kits: Kits) -> None:
    await kits.make({**CHAIN, "wood/2": []})
    repository = await kits.repository(*CHAIN)

    task = await kits.begin_add(repository, "wood/2")

    assert await refused(kits, task, "add") == (ids("wood"), ids("board"))
    assert await kits.held(repository) == set(CHAIN)


async def test_what_needs_the_old_one_may_be_overwritten_together_with_it(kits: Kits) -> None:
    await kits.make({"board": ["wood"], "wood": [], "board/2": ["wood/2"], "wood/2": []})
    repository = await kits.repository("board", "wood")

    await kits.engine.completed(await kits.begin_add(repository, "board/2", "wood/2"))

    assert await kits.held(repository) == {"board/2", "wood/2"}


async def test_copy_that_would_overwrite_what_is_needed_is_refused(kits: Kits) -> None:
    await kits.make({**CHAIN, "wood/2": []})
    source, target = await kits.repository("wood/2"), await kits.repository(*CHAIN)

    task = await kits.begin_copy(target, await latest_version(source))

    assert await refused(kits, task, "source") == (ids("wood"), ids("board"))
    assert await kits.held(target) == set(CHAIN)


async def test_rollback_does_without_what_the_older_version_did_without(kits: Kits) -> None:
    await kits.make(CHAIN)
    repository = await kits.repository("lid", "handle")
    base = await latest_version(repository)
    await kits.engine.completed(await kits.begin_add(repository, "box", "board", "wood"))

    await kits.engine.completed(await kits.begin_add(repository, base=base))

    assert await kits.held(repository) == {"lid", "handle"}


@pytest.mark.parametrize("since", [{}, {"remove": ["box", "board"]}], ids=["still there", "removed since"])
async def test_base_without_what_is_needed_of_it_is_refused(kits: Kits, since: dict[str, list[str]]) -> None:
    await kits.make(CHAIN)
    repository = await kits.repository("box", "board", "handle")
    base = await latest_version(repository)
    await kits.engine.completed(await kits.begin_add(repository, "wood", **since))

    task = await kits.begin_add(repository, remove=["board"], base=base)

    assert await refused(kits, task) == (ids("board"), ids("box"))


#: What two tasks add and remove (with a minus), where a repository holds box, board and wood; how they end, one after
#: the other, and what is held then.
PAIRS: list[Any] = [
    pytest.param(
        "lid", "-box", "lid", ["completed", "failed"], {"box", "board", "wood", "lid"}, id="needs and removes"
    ),
    pytest.param("-box", "lid", "", ["completed", "completed"], {"board", "wood", "lid"}, id="removes and needs"),
    pytest.param("-box", "-board", "", ["completed", "completed"], {"wood"}, id="removes in order"),
    pytest.param("-board", "-box", "box", ["failed", "completed"], {"board", "wood"}, id="removes against the order"),
    pytest.param("-wood", "-handle", "board", ["failed", "completed"], {"box", "board", "wood"}, id="bad and good"),
    pytest.param("board/2", "box/2", "box", ["failed", "completed"], {"box/2", "board", "wood"}, id="overwrite"),
]


@pytest.mark.parametrize(("first", "second", "needing", "states", "held"), PAIRS)
async def test_tasks_of_one_group_end_as_they_would_one_by_one(
    kits: Kits, first: str, second: str, needing: str, states: list[str], held: set[str]
) -> None:
    await kits.make({**CHAIN, "board/2": ["wood"], "box/2": ["board/2"]})
    repository = await kits.repository("box", "board", "wood")
    kits.engine.dispatcher.is_losing = True
    waiting = [
        await kits.begin_add(repository, remove=[text[1:]])
        if text[0] == "-"
        else await kits.begin_add(repository, text)
        for text in (first, second)
    ]

    ended = await all_of(kits, waiting)

    assert [task.state for task in ended] == states
    assert await kits.held(repository) == held
    errors = [task.error for task in ended if task.error]
    assert {by for error in errors for by in error["values"]["needed_by"].split()} == ids(*filter(None, [needing]))
    assert all(error["code"] == UnitNeeded.code for error in errors)


async def test_error_lists_a_hundred_of_those_that_need_a_unit(kits: Kits) -> None:
    many = {f"shelf-{number:03}": ["wood"] for number in range(120)}
    await kits.make({"wood": [], **many})
    repository = await kits.repository("wood", *many)

    task = await kits.begin_add(repository, remove=["wood"])

    needed, needed_by = await refused(kits, task)
    assert (needed, len(needed_by)) == (ids("wood"), 100)
    assert needed_by <= ids(*many)
    error = (await Task.get(id=task.id)).error
    assert error is not None
    assert error["message"].endswith(" and more.")
