"""Base paths never overlap: the database's constraints decide, whoever asks at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tortoise.exceptions import IntegrityError

from headbox.errors import BasePathOverlaps, BasePathTaken, Invalid, NameTaken, RequestError, RevisionConflict
from headbox.models import Distribution
from headbox.models.database import execute
from headbox.services import distribution as distributions
from headbox.services.serving import prefixes
from tests.factories.distribution import delete_distribution, make_distribution, update_distribution
from tests.factories.names import unused_name
from tests.support.engine import LocalEngine
from tests.support.installation import Installations
from tests.support.length import rounds


@pytest.mark.parametrize(
    ("there", "wanted", "error"),
    [
        ("a", "a", BasePathTaken),
        ("a/b", "a/b", BasePathTaken),
        ("a", "a/b", BasePathOverlaps),
        ("a", "a/b/c", BasePathOverlaps),
        ("a/b", "a", BasePathOverlaps),
        ("a/b/c", "a", BasePathOverlaps),
        ("a/b/c", "a/b", BasePathOverlaps),
    ],
)
async def test_path_that_overlaps_is_refused(
    engine: LocalEngine, there: str, wanted: str, error: type[RequestError]
) -> None:
    first = await make_distribution(engine, there, name="first")

    with pytest.raises(error) as raised:
        await make_distribution(engine, wanted, name="second")

    assert raised.value.path == ("base_path",)
    assert raised.value.values["other"] in {first.name, first.base_path}
    assert await Distribution.all().count() == 1
    assert await engine.rows_of("distribution_base_path") == there.count("/") + 1


@pytest.mark.parametrize(("there", "wanted"), [("a", "b"), ("a", "ab"), ("a/b", "a/c"), ("a/b", "a/bc"), ("a", "A")])
async def test_path_beside_it_is_free(engine: LocalEngine, there: str, wanted: str) -> None:
    await make_distribution(engine, there)

    await make_distribution(engine, wanted)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "a/../b",
        "a b",
        "a?b",
        "a%2Fb",
        "a\\b",
        "ä",
        "a\n",
        "a" * 256,
        "a/" * 20 + "a",
    ],
)
async def test_path_that_cannot_be_is_refused(engine: LocalEngine, path: str) -> None:
    with pytest.raises(Invalid) as raised:
        await make_distribution(engine, path, name="named")

    assert raised.value.path == ("base_path",)
    assert await Distribution.all().count() == 0


async def test_deleted_path_is_free_with_its_folders(engine: LocalEngine) -> None:
    await delete_distribution(engine, await make_distribution(engine, "a/b/c"))

    await make_distribution(engine, "a")

    assert await engine.rows_of("base_path") == 1


async def test_path_can_be_changed_to_one_above_or_below(engine: LocalEngine) -> None:
    distribution = await make_distribution(engine, "a/b")

    for path in ("a", "a/b/c", "d", "a/b"):
        distribution = await update_distribution(engine, distribution, base_path=path)
        assert distribution.base_path == path

    assert await engine.rows_of("distribution_base_path") == 2


async def test_refused_change_leaves_the_path(engine: LocalEngine) -> None:
    await make_distribution(engine, "a")
    distribution = await make_distribution(engine, "b")

    with pytest.raises(BasePathOverlaps):
        await update_distribution(engine, distribution, base_path="a/b")

    assert (await Distribution.get(id=distribution.id)).base_path == "b"
    with pytest.raises(BasePathTaken):
        await make_distribution(engine, "b", name="other")


async def test_path_that_is_taken_is_told_where_no_name_is_given(engine: LocalEngine) -> None:
    await make_distribution(engine, "a")

    with pytest.raises(BasePathTaken) as raised:
        async with engine.unit_of_work() as work:
            await distributions.create(work, base_path="a")

    assert raised.value.path == ("base_path",)


async def test_name_and_revision_are_checked(engine: LocalEngine) -> None:
    first, second = await make_distribution(engine, "a"), await make_distribution(engine, "b")

    with pytest.raises(NameTaken):
        await update_distribution(engine, second, name=first.name)
    with pytest.raises(RevisionConflict):
        await update_distribution(engine, second, 7, labels={"k": "v"})
    assert (await update_distribution(engine, second, 1, labels={"k": "v"})).revision == 2


async def test_constraint_holds_where_no_service_looks(engine: LocalEngine) -> None:
    first, second = await make_distribution(engine, "a"), await make_distribution(engine, "b/c")
    connection = engine.database.connection
    statement = "INSERT INTO distribution_base_path (distribution_id, path, is_leaf) VALUES (?, ?, ?)"

    for taken in ([str(first.id), "b", True], [str(second.id), "a", True], [str(second.id), "a", False]):
        with pytest.raises(IntegrityError):
            await execute(connection, statement, taken)


async def test_of_many_who_want_overlapping_paths_at_once_one_gets_it(data_dir: Path) -> None:
    """Each with a connection of its own, as processes have."""
    paths = ["a", "a/b", "a/b/c", "a", "a/b"]
    engines = [LocalEngine(data_dir) for _ in paths]

    async def create(engine: LocalEngine, path: str, number: int) -> Distribution | Exception:
        async with engine.database.connected():
            try:
                return await make_distribution(engine, path, name=f"{number}")
            except RequestError as error:
                return error

    results = await asyncio.gather(
        *(create(engine, path, number) for number, (engine, path) in enumerate(zip(engines, paths, strict=True)))
    )

    assert sum(isinstance(result, Distribution) for result in results) == 1
    assert sum(isinstance(result, BasePathTaken | BasePathOverlaps) for result in results) == 4


PATHS = st.lists(st.sampled_from("ab"), min_size=1, max_size=3).map("/".join)


@settings(max_examples=rounds(30, long=200))
@given(operations=st.lists(st.tuples(st.sampled_from(["create", "delete", "move"]), PATHS, PATHS), max_size=12))
def test_paths_that_are_taken_are_those_of_the_model(
    installations: Installations, operations: Sequence[tuple[str, str, str]]
) -> None:
    def overlaps(path: str, others: set[str]) -> bool:
        return any(f"{path}/".startswith(f"{other}/") or f"{other}/".startswith(f"{path}/") for other in others)

    async def compare(data_dir: Path) -> None:
        taken: dict[str, Distribution] = {}
        async with LocalEngine(data_dir).running() as engine:
            for operation, path, other in operations:
                there = taken.get(path)
                if operation == "create":
                    refused = overlaps(path, set(taken))
                    made = await attempt(make_distribution(engine, path, name=unused_name("distribution")))
                    assert (made is None) == refused
                    if made:
                        taken[path] = made
                elif there is not None and operation == "delete":
                    await delete_distribution(engine, taken.pop(path))
                elif there is not None:
                    refused = overlaps(other, set(taken) - {path})
                    moved = await attempt(update_distribution(engine, there, base_path=other))
                    assert (moved is None) == refused
                    if moved:
                        del taken[path]
                        taken[other] = moved
                assert {row.base_path for row in await Distribution.all()} == set(taken)
                assert await engine.rows_of("base_path") == len({above for path in taken for above in prefixes(path)})

    with TemporaryDirectory() as folder, installations.new(Path(folder) / "data") as data_dir:
        asyncio.run(compare(data_dir))


async def attempt(making: Awaitable[Distribution]) -> Distribution | None:
    """Return what was made, or None when its path was in the way of another one."""
    try:
        return await making
    except (BasePathTaken, BasePathOverlaps):
        return None
