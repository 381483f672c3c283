"""What the deletion of versions would come to, before it is done."""

from __future__ import annotations

from headbox.models import Distribution, RepositoryVersion
from headbox.services import version_deletion
from headbox.types import Automation
from tests.factories.content import create_add, latest_version, make_files
from tests.factories.repository import make_repository
from tests.support.engine import LocalEngine


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
