"""What the deletion of versions would come to, before it is done."""

from __future__ import annotations

import pytest

from headbox.errors import LimitExceeded
from headbox.models import Distribution, Publication, RepositoryVersion
from headbox.services import version_deletion
from headbox.types import Automation
from tests.factories.content import create_add, latest_version, make_files
from tests.factories.distribution import make_distribution
from tests.factories.repository import make_repository
from tests.factories.task import make_publish
from tests.support.engine import LocalEngine
from tests.support.statements import statements


async def test_plan_says_what_goes_for_good(engine: LocalEngine) -> None:
    repository, other = await make_repository(engine), await make_repository(engine)
    old, shared, same, new = await make_files(
        engine, ("a", "old one"), ("b", "shared"), ("same", "old one too"), ("a", "new")
    )
    await engine.completed(await create_add(engine, repository, [old, shared, same]))
    await engine.completed(await create_add(engine, other, [shared]))
    await engine.completed(await create_add(engine, repository, [new], remove=[shared, same]))
    repository = await type(repository).get(id=repository.id)

    plan = await version_deletion.plan_retention(engine.database.connection, repository, 1)

    assert [version.number for version in plan.versions] == [0, 1]
    assert (plan.units, plan.size) == (2, len("old one") + len("old one too"))
    async with engine.unit_of_work() as work:
        for version in plan.versions:
            await version_deletion.delete(work, version)
    assert await RepositoryVersion.filter(repository_id=repository.id).count() == 1


async def test_what_is_served_stays(engine: LocalEngine) -> None:
    repository = await make_repository(engine, None, "served", automation=Automation.DISTRIBUTE)
    await engine.completed(await create_add(engine, repository, await make_files(engine, ("a", "1"))))
    served = await latest_version(repository)
    task = await create_add(engine, repository, await make_files(engine, ("a", "2")), automation=Automation.NONE)
    await engine.completed(task)
    repository = await type(repository).get(id=repository.id)

    plan = await version_deletion.plan_retention(engine.database.connection, repository, 1)

    assert (await Distribution.get(base_path="served")).serving_id is not None
    assert [version.id for version in plan.kept] == [served.id]
    assert [version.number for version in plan.versions] == [0]
    assert plan.units == 0


async def test_what_is_pinned_by_a_publication_stays(engine: LocalEngine) -> None:
    repository = await make_repository(engine)
    await engine.completed(await create_add(engine, repository, await make_files(engine, ("a", "1"))))
    pinned = await latest_version(repository)
    publish = await engine.completed(await make_publish(engine, repository))
    await make_distribution(engine, "pinned", await Publication.get(id=publish.result["publication"]))
    for text in ("2", "3"):
        await engine.completed(await create_add(engine, repository, await make_files(engine, ("a", text))))
    repository = await type(repository).get(id=repository.id)

    with statements() as few:
        await version_deletion.plan_retention(engine.database.connection, repository, 2)
    with statements() as asked:
        plan = await version_deletion.plan_retention(engine.database.connection, repository, 1)

    assert [version.id for version in plan.kept] == [pinned.id]
    assert [version.number for version in plan.versions] == [0, 2]
    assert len(asked) == len(few), "the number of versions makes no more of them"


async def test_too_many_are_not_planned(engine: LocalEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(version_deletion, "MAX_PLANNED", 1)
    repository = await make_repository(engine)
    for text in ("1", "2"):
        await engine.completed(await create_add(engine, repository, await make_files(engine, ("a", text))))
    repository = await type(repository).get(id=repository.id)

    assert len((await version_deletion.plan_retention(engine.database.connection, repository, 2)).versions) == 1
    with pytest.raises(LimitExceeded):
        await version_deletion.plan_retention(engine.database.connection, repository, 1)
