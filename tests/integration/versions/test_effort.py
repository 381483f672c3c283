"""What a change costs: it goes with what is changed, and not with what the repository holds."""

from __future__ import annotations

import re
from typing import Any

import pytest

from headbox.models import Repository
from headbox.models.database import fetch, sql
from headbox.services import version_deletion
from tests.factories.content import create_add, create_copy, latest_version, make_files
from tests.factories.repository import make_repository
from tests.support.engine import LocalEngine
from tests.support.statements import plan_of, statements

#: A step of SQLite's that goes through all memberships, of all repositories or of one.
WHOLE = re.compile(
    r"SCAN (membership|member|present|gone|back|earlier|later)\b|\(repository_id=\?( AND added_in<\?)?\)$"
)


async def test_one_unit_more_writes_one_membership(engine: LocalEngine) -> None:
    repository = await make_repository(engine)
    units = await make_files(engine, *((f"f{n}", str(n)) for n in range(500)))
    await engine.completed(await create_add(engine, repository, units))
    before = await fetch(engine.database.connection, "SELECT MAX(id) AS last FROM membership")

    await engine.completed(await create_add(engine, repository, await make_files(engine, ("one", "more"))))

    after = await fetch(engine.database.connection, "SELECT MAX(id) AS last FROM membership")
    assert after[0]["last"] - before[0]["last"] == 1


@pytest.mark.embedded
async def test_no_change_goes_through_all_that_a_repository_holds(engine: LocalEngine) -> None:
    repository = await make_repository(engine)
    a1, a2, b, c = await make_files(engine, ("a", "1"), ("a", "2"), ("b", "2"), ("c", "3"))
    source = await make_repository(engine)
    await engine.completed(await create_add(engine, source, [c]))
    await engine.completed(await create_add(engine, repository, [a1, b]))
    base = await latest_version(repository)
    changes: list[dict[str, Any]] = [{"add": [a2]}, {"remove": [a2]}, {"add": [c], "overwrite": False}, {"base": base}]

    plans: dict[str, str] = {}
    for fields in changes:
        with statements() as asked:
            await engine.completed(await create_add(engine, repository, **fields))
        plans |= await plans_of(engine, asked)
    with statements() as asked:
        await engine.completed(await create_copy(engine, repository, await latest_version(source)))
        await Repository.filter(id=repository.id).update(retain_versions=3)
        await engine.completed(await create_add(engine, repository, [b], remove=[a1]))
        async with engine.unit_of_work() as work:
            current = await latest_version(repository)
            await version_deletion.delete(work, await type(current).get(repository_id=repository.id, number=5))
    plans |= await plans_of(engine, asked)

    # A copy looks at all that it copies.
    whole = {text: plan for text, plan in plans.items() if "SELECT ?, member.content_id" not in text}
    assert {text: plan for text, plan in whole.items() if any(map(WHOLE.search, plan.splitlines()))} == {}


@pytest.mark.embedded
async def test_no_change_goes_through_one_set_for_each_unit_of_another(engine: LocalEngine) -> None:
    source, target = await make_repository(engine), await make_repository(engine)
    a1, a2 = await make_files(engine, ("a", "1"), ("a", "2"))
    await engine.completed(await create_add(engine, source, [a1]))
    base = await latest_version(source)
    await engine.completed(await create_add(engine, source, [a2]))
    with statements() as asked:
        await engine.completed(await create_add(engine, source, base=base))
        await engine.completed(await create_copy(engine, target, await latest_version(source)))
    plans = await plans_of(engine, asked)

    [closed_by_rollback] = [plan for text, plan in plans.items() if "membership earlier" in text]
    assert re.findall(r"SEARCH earlier .*", closed_by_rollback) == [
        "SEARCH earlier USING INDEX sqlite_autoindex_membership_1 (repository_id=? AND content_id=? AND added_in<?)"
    ]
    [staged_with_needs] = [plan for text, plan in plans.items() if "WITH RECURSIVE needed" in text]
    # Whatever is needed leads to a membership, and not the other way round.
    assert re.search(r"SCAN needed\n(.*\n)?.*SEARCH member USING .*content_id=\?", staged_with_needs)


@pytest.mark.distributed
async def test_many_units_are_joined_as_a_set_and_few_are_looked_up(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sql, "MANY_ROWS", 2)
    repository = await make_repository(engine)
    units = await make_files(engine, ("a", "1"), ("b", "1"), ("c", "1"))

    async def settings(**fields: Any) -> list[str]:
        """Return how a change lets PostgreSQL join."""
        with statements() as asked:
            await engine.completed(await create_add(engine, repository, **fields))
        return [text for text in asked if text.startswith("SET LOCAL enable_nestloop")]

    as_sets = ["SET LOCAL enable_nestloop = off: []", "SET LOCAL enable_nestloop TO DEFAULT: []"]
    assert await settings(add=units[:1]) == []
    base = await latest_version(repository)
    assert await settings(add=units[1:]) == as_sets
    assert await settings(base=base) == as_sets
    assert await settings(remove=units[:1]) == []


async def plans_of(engine: LocalEngine, asked: list[str]) -> dict[str, str]:
    """Return how SQLite runs the statements on memberships, by their texts."""
    found = {}
    for text in asked:
        statement = text.partition(": [")[0]
        if re.match(r"(SELECT|INSERT|UPDATE|DELETE|WITH)\b", statement) and "membership" in statement:
            found[statement] = await plan_of(engine.database.connection, statement, [1] * statement.count("?"))
    assert found
    return found
