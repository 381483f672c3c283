"""One unit that is declared twice is one unit: the first declaration stays, and another one that differs is told."""

from __future__ import annotations

import pytest

from headbox.pipeline import stream
from headbox.types import OnError
from tests.integration.sync.parcels import Parcels
from tests.support.engine import LocalEngine
from tests.support.mirror import Mirror, digests, issues, reports, sha256
from tests.support.upstream import Slow, pulp_manifest
from tests.support.waiting import until


@pytest.fixture(params=[1, 4000], ids=["batches of one", "one batch"])
def batch_units(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    units: int = request.param
    monkeypatch.setattr(stream, "BATCH_UNITS", units)
    return units


@pytest.mark.usefixtures("batch_units")
class TestInOneStream:
    async def test_same_unit_with_other_bytes_fails_the_sync(self, parcels: Parcels) -> None:
        error = await parcels.fail_parcels([parcels.parcel("one", {"a": b"x"}), parcels.parcel("one", {"a": b"y"})])

        assert error["code"] == "UNIT_CONFLICT"
        assert await parcels.latest() == 0

    async def test_first_declaration_stays(self, parcels: Parcels) -> None:
        parcels.upstream.fault(sha256(b"x"), Slow(0.3))
        units = [parcels.parcel("one", {"a": b"x"}), parcels.parcel("one", {"a": b"y"})]

        task = await parcels.sync_parcels(units, on_error=OnError.SKIP)

        assert await issues(task) == [("UNIT_CONFLICT", "a")]
        assert await parcels.files() == digests({"a": b"x"})

    async def test_same_unit_with_one_more_file_is_told(self, parcels: Parcels) -> None:
        units = [parcels.parcel("one", {"a": b"x"}), parcels.parcel("one", {"a": b"x", "b": b"y"})]

        task = await parcels.sync_parcels(units, on_error=OnError.SKIP)

        assert await issues(task) == [("UNIT_CONFLICT", "b")]
        assert await parcels.files() == digests({"a": b"x"})

    async def test_same_unit_twice_is_harmless(self, parcels: Parcels) -> None:
        task = await parcels.sync_parcels([parcels.parcel("one", {"a": b"x"})] * 3)

        assert await parcels.files() == digests({"a": b"x"})
        assert await issues(task) == []

    async def test_of_two_units_for_one_place_the_first_stays_although_it_comes_late(self, mirror: Mirror) -> None:
        mirror.upstream.files["PULP_MANIFEST"] = pulp_manifest({"a": b"first"}) + pulp_manifest({"a": b"second"})
        mirror.upstream.files["a"] = b"first"
        mirror.upstream.fault("a", Slow(0.3))
        await mirror.store(b"second")

        task = await mirror.sync(on_error=OnError.SKIP)

        assert await issues(task) == [("UNIT_CONFLICT", "a")]
        assert await mirror.files() == digests({"a": b"first"})


async def test_known_unit_with_one_more_file_fails_the_sync(parcels: Parcels) -> None:
    await parcels.sync_parcels([parcels.parcel("one", {"a": b"x"})])

    error = await parcels.fail_parcels([parcels.parcel("one", {"a": b"x", "b": b"y"})])

    assert (error["code"], error["values"]["what"]) == ("UNIT_CONFLICT", "b")


@pytest.mark.parametrize(("body", "conflicts"), [(b"x", []), (b"y", [("UNIT_CONFLICT", "a")])])
async def test_unit_that_another_sync_saves_meanwhile_is_compared(
    parcels: Parcels, body: bytes, conflicts: list[tuple[str, str]]
) -> None:
    assert isinstance(parcels.engine, LocalEngine)
    other = await Parcels.create(parcels.engine, parcels.upstream)
    slow = sha256(b"slow")
    parcels.upstream.fault(slow, Slow(0.5))
    units = [parcels.parcel("one", {"a": body}), parcels.parcel("two", {"b": b"slow"})]
    task = await parcels.begin(units, on_error=OnError.SKIP)
    await until(lambda: parcels.upstream.hits(slow))

    await other.sync_parcels([other.parcel("one", {"a": b"x"})])
    done = await parcels.engine.completed(task)

    assert await issues(done) == conflicts
    assert await parcels.files() == digests({"b": b"slow"} if conflicts else {"a": b"x", "b": b"slow"})
    assert reports(done)["sync.save.content"] == (1 if conflicts else 2)
