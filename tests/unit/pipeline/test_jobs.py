"""Jobs side by side: who ends whom, and when."""

from __future__ import annotations

import asyncio

import pytest

from headbox.pipeline import jobs as module
from headbox.pipeline.jobs import Jobs


class Failed(Exception):
    """What a job fails with."""


class Work:
    """Jobs, and what became of them."""

    def __init__(self, limit: int = 2) -> None:
        self.jobs = Jobs(limit, lambda: self.log.append("asked"))
        self.log: list[str] = []

    async def start(self, name: str, seconds: float = 0.0, *, fails: bool = False) -> None:
        await self.jobs.start(lambda: self._do(name, seconds, fails=fails))

    async def _do(self, name: str, seconds: float, *, fails: bool) -> None:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            self.log.append(f"{name} canceled")
            raise
        self.log.append(name)
        if fails:
            raise Failed(name)


async def test_block_ends_when_all_jobs_have() -> None:
    work = Work()

    async with work.jobs.running():
        for name in "abc":
            await work.start(name, 0.01)

    assert work.log == ["a", "b", "c"]


async def test_job_that_fails_ends_the_others_and_starts_no_more() -> None:
    work = Work()

    async def starter() -> None:
        async with work.jobs.running():
            await work.start("long", 60)
            await work.start("bad", fails=True)
            await work.start("late")

    with pytest.raises(Failed, match="bad"):
        await starter()

    assert work.log == ["bad", "asked", "long canceled"]


async def test_starter_finishes_what_it_is_at() -> None:
    work = Work()

    async def starter() -> None:
        async with work.jobs.running():
            await work.start("bad", fails=True)
            await asyncio.sleep(0.05)
            work.log.append("closed")

    with pytest.raises(Failed):
        await starter()

    assert work.log == ["bad", "asked", "closed"]


async def test_starter_that_goes_on_for_long_is_canceled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.05)
    work = Work()

    async def starter() -> None:
        async with work.jobs.running():
            await work.start("bad", fails=True)
            await asyncio.sleep(60)

    with pytest.raises(Failed):
        await asyncio.wait_for(starter(), 5)


async def test_starter_that_was_canceled_is_not_canceled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.01)
    work = Work()

    async def starter() -> None:
        async with work.jobs.running():
            await work.start("bad", 0.05, fails=True)
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(1)
                work.log.append("closed")

    starting = asyncio.create_task(starter())
    await asyncio.sleep(0.01)
    starting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await starting
    assert work.log == ["bad", "asked", "closed"]


async def test_what_the_starter_fails_with_ends_the_jobs() -> None:
    work = Work()

    async def starter() -> None:
        async with work.jobs.running():
            await work.start("long", 60)
            await asyncio.sleep(0)
            raise Failed("starter")

    with pytest.raises(Failed, match="starter"):
        await starter()

    assert work.log == ["long canceled"]
