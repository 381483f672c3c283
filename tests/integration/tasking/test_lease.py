"""Leases: one process at a time does a job, and another one goes on with it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

from headbox.models import Lease
from headbox.models.database import now
from headbox.workers.lease import LeaseKeeper
from tests.support.engine import LocalEngine
from tests.support.statements import statements

SECONDS = 0.5


def keeper(engine: LocalEngine, holder: UUID | None = None, seconds: float = SECONDS) -> LeaseKeeper:
    return LeaseKeeper(engine.database, "test", holder or uuid4(), seconds)


async def test_one_of_many_holds_a_lease(engine: LocalEngine) -> None:
    keepers = [keeper(engine) for _ in range(5)]

    held = await asyncio.gather(*(keeper.hold() for keeper in keepers))

    assert held.count(True) == 1


async def test_holder_renews_and_keeps_it(engine: LocalEngine) -> None:
    holder, other = keeper(engine), keeper(engine)
    for _ in range(4):
        assert await holder.hold()
        assert not await other.hold()
        await asyncio.sleep(SECONDS / 2)


async def test_another_goes_on_when_the_holder_is_silent(engine: LocalEngine) -> None:
    silent, other = keeper(engine), keeper(engine)
    assert await silent.hold()
    assert not await other.hold()

    async with asyncio.timeout(5):
        while not await other.hold():  # noqa: ASYNC110 - the passing of time is what it is about
            await asyncio.sleep(0.01)

    assert not await silent.hold()
    lease = await Lease.get(name="test")
    assert lease.expires_at > await now(engine.database.connection)


async def test_lease_of_before_the_clock_was_set_back_keeps_nobody(engine: LocalEngine) -> None:
    assert await keeper(engine).hold()
    await Lease.filter(name="test").update(expires_at=await now(engine.database.connection) + timedelta(hours=1))

    assert await keeper(engine).hold()


async def test_others_ask_nothing_while_it_is_held(engine: LocalEngine) -> None:
    holder, other = keeper(engine, seconds=60), keeper(engine, seconds=60)
    assert await holder.hold()
    assert not await other.hold()

    with statements() as asked:
        for _ in range(10):
            assert not await other.hold()

    assert asked == []


async def test_released_lease_is_free(engine: LocalEngine) -> None:
    holder, other = keeper(engine), keeper(engine)
    assert await holder.hold()
    await other.release()
    assert not await other.hold()

    await holder.release()

    assert await keeper(engine).hold()
