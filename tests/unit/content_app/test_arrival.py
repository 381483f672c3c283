"""Readers of bytes that are still arriving."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from headbox.content_app.arrival import Arrival, BrokenOff
from headbox.content_app.problem import Problem


async def read(arrival: Arrival, start: int = 0, stop: int | None = None) -> bytes:
    return b"".join([chunk async for chunk in arrival.read(start, stop)])


async def test_reader_who_comes_at_any_time_gets_all_bytes(tmp_path: Path) -> None:
    arrival = Arrival()
    arrival.begin(tmp_path / "file", None)
    readers = []
    with arrival.reading():
        for number in range(5):
            readers.append(asyncio.create_task(read(arrival)))
            await arrival.write(bytes([number]) * 100_000)
            await asyncio.sleep(0)
        arrival.complete("digest")
        readers.append(asyncio.create_task(read(arrival)))
        bodies = await asyncio.gather(*readers)
        part = await read(arrival, 100_000, 300_000)
    arrival.end()

    assert set(bodies) == {b"".join(bytes([number]) * 100_000 for number in range(5))}
    assert part == bytes([1]) * 100_000 + bytes([2]) * 100_000


async def test_reader_waits_for_the_first_bytes(tmp_path: Path) -> None:
    arrival = Arrival()
    waiting = asyncio.create_task(arrival.first())
    arrival.begin(tmp_path / "file", 1)
    await asyncio.sleep(0)
    assert not waiting.done()

    await arrival.write(b"x")

    await waiting
    arrival.end()


async def test_reader_of_a_failed_attempt_is_broken_off_and_the_next_one_is_not(tmp_path: Path) -> None:
    arrival = Arrival()
    with arrival.reading():
        arrival.begin(tmp_path / "wrong", 10)
        await arrival.write(b"wrong")
        early = arrival.read()
        assert await anext(early) == b"wrong"

        arrival.begin(tmp_path / "right", 5)
        late = asyncio.create_task(read(arrival))
        await arrival.write(b"right")
        arrival.complete("digest")

        with pytest.raises(BrokenOff):
            await anext(early)
        assert await late == b"right"
    arrival.end()


async def test_all_readers_are_told_of_a_failure(tmp_path: Path) -> None:
    arrival = Arrival()
    problem = Problem(502, "CODE", "message")
    waiting = [asyncio.create_task(arrival.first()), asyncio.create_task(arrival.whole())]
    await asyncio.sleep(0)

    arrival.fail(problem)

    assert await asyncio.gather(*waiting, return_exceptions=True) == [problem, problem]
    arrival.end()


async def test_failure_after_the_end_changes_nothing(tmp_path: Path) -> None:
    arrival = Arrival()
    with arrival.reading():
        arrival.begin(tmp_path / "file", 1)
        await arrival.write(b"x")
        arrival.complete("digest")
        arrival.fail(Problem(502, "CODE", "message"))
        arrival.end()

        assert await read(arrival) == b"x"
