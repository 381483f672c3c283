"""Offsets, against a model: whatever clients send in whatever order, what counts is what fits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.uploads.site import UploadSite, checksum, id_of, sha256
from tests.support.engine import LocalEngine
from tests.support.length import rounds

SIZE = 40
#: No two uploads of an example have the same bytes.
BODY = bytes(range(SIZE))


@dataclass(frozen=True)
class Step:
    """What a client does.

    Attributes:
        shift: How far from the offset that is the right one it sends.
        length: How many bytes it sends.
        tells: What it says of them: nothing, the right checksum, or a wrong one.
        breaks: Whether it vanishes before the last byte.
        leftover: Bytes that a server which was killed had written and not noted.
        other: Whether it comes to another process.
    """

    shift: int
    length: int
    tells: str
    breaks: bool
    leftover: bytes
    other: bool


STEPS = st.builds(
    Step,
    shift=st.sampled_from([0, 0, 0, 0, -1, 1, 5]),
    length=st.integers(0, 25),
    tells=st.sampled_from(["nothing", "nothing", "right", "wrong"]),
    breaks=st.sampled_from([False, False, True]),
    leftover=st.sampled_from([b"", b"", b"killed"]),
    other=st.booleans(),
)


def expected(offset: int, step: Step) -> tuple[int | None, int]:
    """Return status and offset after a step; no status for a client that vanishes."""
    fits = step.shift == 0 and offset + step.length <= SIZE
    if step.breaks and step.length:
        return None, offset + step.length - 1 if fits and step.tells == "nothing" else offset
    if offset + step.shift < 0:
        return 400, offset
    if not fits:
        return 409 if step.shift else 413, offset
    if step.tells == "wrong" and offset < SIZE:
        return 460, offset
    return 204, offset + step.length


async def take(site: UploadSite, url: str, offset: int, step: Step) -> int | None:
    """Do a step and return its status."""
    at = offset + step.shift
    part = (BODY[max(at, 0) :] + bytes(SIZE))[: step.length]
    headers = {"nothing": {}, "right": checksum(part), "wrong": checksum(part + b"!")}[step.tells]
    if not (step.breaks and step.length):
        return (await site.send(url, at, part, headers)).status
    reader, writer = await site.part_of_a_request(url, at, part[:-1], len(part), headers)
    await asyncio.sleep(0.005)
    writer.write_eof()
    await reader.read()
    writer.close()
    # Until the server has heard of it, the upload is taken.
    while (await site.send(url, SIZE + 1, b"")).status == 423:  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0.005)
    return None


async def play(sites: Sequence[UploadSite], steps: Sequence[Step]) -> None:
    first = sites[0]
    path = (await first.create(SIZE)).partition(str(first.port))[2]
    offset = 0
    for step in steps:
        site = sites[step.other]
        url = f"http://127.0.0.1:{site.port}{path}"
        if step.leftover and offset < SIZE:
            with first.folder.path_of(id_of(path)).open("ab") as file:
                file.write(step.leftover)
        status, after = expected(offset, step)
        assert await take(site, url, offset, step) == status, step
        found = await site.offset(url)
        # Of the bytes before a client vanished, those count that the server had taken by then.
        assert found == after or (step.breaks and offset <= found < after), step
        offset = found
    row = await first.row(path)
    assert row.received == offset
    assert (row.completed_at is not None) == (offset == SIZE)
    if offset == SIZE:
        assert row.sha256 == sha256(BODY)
        assert not first.folder.path_of(row.id).exists()


async def test_offsets_are_those_of_the_model(data_dir: Path) -> None:
    loop = asyncio.get_running_loop()
    async with (
        LocalEngine(data_dir).running() as engine,
        UploadSite(engine).running() as one,
        UploadSite(engine).running() as two,
    ):

        @settings(max_examples=rounds(25, long=200), suppress_health_check=list(HealthCheck))
        @given(steps=st.lists(STEPS, min_size=1, max_size=8))
        def examples(steps: list[Step]) -> None:
            asyncio.run_coroutine_threadsafe(play((one, two), steps), loop).result()

        await asyncio.to_thread(examples)
