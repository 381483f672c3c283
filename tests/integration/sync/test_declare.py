"""What a plugin's generator may count on: when the sync is skipped, and that it ends before its task does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from headbox.models import Task
from headbox.pipeline.stream import UNITS_A_TURN
from headbox.plugin_api import DeclaredContent, SyncContext
from headbox.types import TaskState
from tests.integration.sync.parcels import ParcelRemote, Parcels, Script, install
from tests.support.engine import LocalEngine
from tests.support.mirror import digests, reports, sha256
from tests.support.upstream import Slow
from tests.support.waiting import until


def each_root_is_a_parcel(parcels: Parcels, *roots: str) -> Script:
    async def declare(ctx: SyncContext[ParcelRemote]) -> AsyncIterator[DeclaredContent]:
        for root in roots:
            path = await ctx.root_metadata(parcels.upstream.url_of(root))
            body = await asyncio.to_thread(path.read_bytes)
            yield parcels.parcel(f"{root} {sha256(body)}", {root: body})

    return declare


class TestRoots:
    async def test_that_all_stand_are_skipped(self, parcels: Parcels) -> None:
        script = each_root_is_a_parcel(parcels, "a", "b")
        parcels.upstream.files.update({"a": b"a", "b": b"b"})
        await parcels.sync_parcels(script)

        assert "sync.unchanged" in reports(await parcels.sync_parcels(script))

    @pytest.mark.parametrize("has_validators", [True, False])
    async def test_that_stand_are_read_after_one_that_has_changed(
        self, parcels: Parcels, *, has_validators: bool
    ) -> None:
        parcels.upstream.has_validators = has_validators
        script = each_root_is_a_parcel(parcels, "a", "b")
        parcels.upstream.files.update({"a": b"a", "b": b"b"})
        await parcels.sync_parcels(script)
        parcels.upstream.files["a"] = b"A"

        task = await parcels.sync_parcels(script)

        assert "sync.unchanged" not in reports(task)
        assert await parcels.files() == digests({"a": b"A", "b": b"b"})


async def test_new_version_of_the_plugin_is_not_skipped(parcels: Parcels) -> None:
    assert isinstance(parcels.engine, LocalEngine)
    script = each_root_is_a_parcel(parcels, "a")
    parcels.upstream.files["a"] = b"a"
    await parcels.sync_parcels(script)
    install(parcels.engine, version="2")

    assert "sync.unchanged" not in reports(await parcels.sync_parcels(script))
    assert "sync.unchanged" in reports(await parcels.sync_parcels(script))


def declares_until_it_fails(parcels: Parcels) -> None:
    parcels.upstream.files[sha256(b"first")] = b"wrong"


def declares_until_it_is_canceled(parcels: Parcels) -> None:
    parcels.upstream.fault(sha256(b"first"), Slow(60))


@pytest.mark.parametrize("end", [declares_until_it_fails, declares_until_it_is_canceled])
async def test_generator_has_ended_when_its_task_ends(
    parcels: Parcels, monkeypatch: pytest.MonkeyPatch, end: Callable[[Parcels], None]
) -> None:
    monkeypatch.setattr("headbox.pipeline.stream.BATCH_UNITS", 1)
    states: list[TaskState] = []

    async def declare(_: SyncContext[ParcelRemote]) -> AsyncIterator[DeclaredContent]:
        try:
            # Many more than are taken before a batch has ended: it is closed, and does not end by itself meanwhile.
            for number in range(10_000):
                unit = parcels.parcel(str(number), {str(number): b"%d" % number if number else b"first"})
                if number == 0:
                    end(parcels)
                yield unit
        finally:
            states.append((await Task.get(id=task.id)).state)

    task = await parcels.begin(declare)
    if end is declares_until_it_is_canceled:
        await until(lambda: parcels.upstream.hits(sha256(b"first")))
        await asyncio.sleep(0.2)
        await parcels.engine.cancel(task)
    await parcels.engine.finished(task)

    assert [state.is_final for state in states] == [False]


async def test_generator_that_is_closing_is_not_disturbed_by_a_batch_that_fails(
    parcels: Parcels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headbox.pipeline.stream.BATCH_UNITS", 1)
    closed: list[str] = []

    async def declare(_: SyncContext[ParcelRemote]) -> AsyncIterator[DeclaredContent]:
        try:
            # As many as are handed on together: the batch fails while the generator closes by itself.
            units = [
                parcels.parcel(str(number), {str(number): b"%d" % number if number else b"first"})
                for number in range(UNITS_A_TURN)
            ]
            declares_until_it_fails(parcels)
            for unit in units:
                yield unit
        finally:
            await until(lambda: parcels.upstream.hits(sha256(b"first")))
            await asyncio.sleep(0.5)
            closed.append("in peace")

    task = await parcels.begin(declare)
    await parcels.engine.failed(task)

    assert closed == ["in peace"]
