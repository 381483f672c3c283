"""What a sync makes of the remote: repository versions, made with sets."""

from __future__ import annotations

import pytest

from headbox.models import Membership
from headbox.types import DownloadPolicy, SyncMode
from tests.factories.content import files_of, latest_version
from tests.factories.remote import make_remote, new_remote, update_remote
from tests.factories.repository import make_repository
from tests.factories.task import make_sync
from tests.support.engine import LocalEngine
from tests.support.mirror import Mirror, digests, reports, serve
from tests.support.upstream import Upstream

FILES = {"a.txt": b"a", "deep/er/b.txt": b"b", "c.txt": b"c"}


async def test_first_sync_makes_version_one_of_all_that_the_manifest_lists(mirror: Mirror) -> None:
    task = await mirror.sync(FILES)

    version = await mirror.version()
    assert task.result["repository_version"] == str(version.id)
    assert task.created_resources == [f"RepositoryVersion:{version.id}"]
    assert (version.number, version.base_number, version.created_by_id) == (1, 0, task.id)
    assert (version.present, version.added, version.removed) == (3, 3, 0)
    assert version.by_kind == {"file.content": {"present": 3, "added": 3, "removed": 0, "size": 3}}
    assert await mirror.files() == digests(FILES)
    assert await mirror.files(0) == {}


@pytest.mark.parametrize(
    ("mode", "kept"), [(SyncMode.MIRROR, {"a.txt": b"a"}), (SyncMode.ADDITIVE, FILES)], ids=["mirror", "additive"]
)
async def test_units_gone_from_the_remote_are_removed_in_mirror_mode_alone(
    mirror: Mirror, mode: SyncMode, kept: dict[str, bytes]
) -> None:
    await mirror.sync(FILES)

    await mirror.sync({"a.txt": b"a", "new.txt": b"new"}, mode=mode)

    assert await mirror.files() == digests(kept | {"new.txt": b"new"})
    assert (await mirror.version()).removed == len(FILES) - len(kept)


@pytest.mark.parametrize("mode", SyncMode)
async def test_changed_file_takes_the_place_of_the_one_at_its_path(mirror: Mirror, mode: SyncMode) -> None:
    await mirror.sync(FILES, mode=mode)

    await mirror.sync(FILES | {"a.txt": b"changed"}, mode=mode)

    version = await mirror.version()
    assert (version.present, version.added, version.removed) == (3, 1, 1)
    assert await mirror.files() == digests(FILES | {"a.txt": b"changed"})


async def test_earlier_versions_stay_as_they_were(mirror: Mirror) -> None:
    states: list[dict[str, bytes]] = [
        {},
        {"a.txt": b"1", "b.txt": b"1"},
        {"a.txt": b"2", "b.txt": b"1"},
        {"c.txt": b"3"},
        {"a.txt": b"1", "b.txt": b"1"},
    ]

    for state in states[1:]:
        await mirror.sync(state)

    for number, state in enumerate(states):
        assert await mirror.files(number) == digests(state)
        assert (await mirror.version(number)).present == len(state)


async def test_nothing_new_makes_no_version_and_writes_no_row(mirror: Mirror) -> None:
    await mirror.sync(FILES)
    before = await mirror.rows()

    task = await mirror.sync(force=True)

    assert task.result["repository_version"] is None
    assert task.created_resources == []
    assert await mirror.rows() == before
    assert reports(task)["sync.known.content"] == len(FILES)


async def test_rows_written_grow_with_what_changed(engine: LocalEngine, upstream: Upstream) -> None:
    repository = await make_repository(engine, new_remote(upstream, policy="on_demand"))
    mirror = Mirror(engine, upstream, repository)
    files = {f"{number}.txt": b"%d" % number for number in range(1500)}
    await mirror.sync(files)
    before = await mirror.rows()

    await mirror.sync(files | {"one-more.txt": b"one more"})

    grown = {table: rows - before[table] for table, rows in (await mirror.rows()).items()}
    assert grown == dict.fromkeys(before, 1) | {"artifact": 0, "publication": 0, "published_file": 0}


async def test_same_unit_in_two_repositories_is_one_row(engine: LocalEngine, upstream: Upstream) -> None:
    first, second = await Mirror.of(engine, upstream), await Mirror.of(engine, upstream)

    await first.sync(FILES)
    await second.sync()

    assert await engine.rows_of("content") == len(FILES)
    assert await Membership.all().count() == 2 * len(FILES)
    assert await second.files() == digests(FILES)


async def test_empty_manifest_empties_a_mirror(mirror: Mirror) -> None:
    await mirror.sync(FILES)

    await mirror.sync({})

    assert await mirror.files() == {}
    assert (await mirror.version()).by_kind == {"file.content": {"present": 0, "added": 0, "removed": 3, "size": 0}}


async def test_empty_manifest_makes_no_version_of_an_empty_repository(mirror: Mirror) -> None:
    await mirror.sync({})

    assert await mirror.latest() == 0


async def test_uploaded_units_survive_a_mirror_sync(mirror: Mirror) -> None:
    await mirror.sync(FILES)
    await Membership.all().update(origin="upload")

    await mirror.sync({"only.txt": b"only"})

    assert await mirror.files() == digests(FILES | {"only.txt": b"only"})


async def test_same_file_listed_twice_is_one_unit(mirror: Mirror) -> None:
    line = b"a.txt," + digests({"a": b"a"})["a"].encode() + b",1\n"
    serve(mirror.upstream, {"a.txt": b"a"}, manifest=line * 3)

    await mirror.sync()

    assert (await mirror.version()).present == 1
    assert mirror.upstream.hits("a.txt") == 1


async def test_paths_with_commas_quotes_spaces_and_other_scripts_are_mirrored(mirror: Mirror) -> None:
    files = {
        path: path.encode() for path in ("a, b,c.txt", 'say "hi".txt', "été/ß 日本.txt", " led.txt", "100%#?&.txt")
    }

    await mirror.sync(files)

    assert await mirror.files() == digests(files)


async def test_paths_with_commas_that_are_not_quoted_are_read(mirror: Mirror) -> None:
    line = b"a, b.txt," + digests({"a": b"a"})["a"].encode() + b",1\r\n"
    serve(mirror.upstream, {"a, b.txt": b"a"}, manifest=line)

    await mirror.sync()

    assert await mirror.files() == digests({"a, b.txt": b"a"})


async def test_file_that_moved_upstream_gets_its_new_address(engine: LocalEngine, upstream: Upstream) -> None:
    serve(upstream, FILES)
    upstream.files.update({f"new/{path}": body for path, body in upstream.files.items()})
    remote = await make_remote(engine, upstream, policy="on_demand")
    mirror = Mirror(engine, upstream, await make_repository(engine, remote))
    await mirror.sync()

    await update_remote(engine, remote, url=upstream.url_of("new/PULP_MANIFEST"))
    await mirror.sync()

    assert await mirror.latest() == 1
    assert await urls(mirror) == {upstream.url_of(f"new/{path}") for path in FILES}


async def urls(mirror: Mirror) -> set[str]:
    rows = await mirror.engine.database.connection.execute_query_dict("SELECT url FROM artifact_source")
    return {row["url"] for row in rows}


async def test_first_sync_meets_what_another_repository_brought(
    engine: LocalEngine, mirror: Mirror, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    await mirror.sync(FILES)
    monkeypatch.setattr("headbox.pipeline.stream.BATCH_UNITS", 1)
    new = {"1.txt": b"1", "2.txt": b"2"}
    serve(upstream, new | FILES | {"z.txt": b"z"})
    second = await make_repository(engine, new_remote(upstream, policy=DownloadPolicy.ON_DEMAND))

    task = await engine.completed(await make_sync(engine, second))

    # As long as nothing is known, nobody asks: what is known then turns out when it is saved.
    assert reports(task)["sync.known.content"] == len(FILES)
    assert reports(task)["sync.save.content"] == len(FILES) + 3
    assert await files_of(engine, await latest_version(second)) == digests(new | FILES | {"z.txt": b"z"})
