"""`onError`: a unit that cannot be had ends the sync, or is left out and told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import pytest

from headbox.models import Content, Remote, SyncIssue
from headbox.pipeline import stream
from headbox.plugin_api import DeclaredArtifact, DeclaredContent, MetadataInvalid, SyncContext
from headbox.types import OnError, SyncMode, TaskState, storable
from tests.factories.remote import update_remote
from tests.integration.sync.parcels import Parcel, ParcelRemote, Parcels
from tests.support.engine import LocalEngine
from tests.support.mirror import MANIFEST, Mirror, digests, issues, reports, serve, sha256
from tests.support.upstream import Endless, Reset, Status, Truncated, Upstream, pulp_manifest

FILES = {f"{number}.txt": b"file %d" % number for number in range(5)}
REST = {path: body for path, body in FILES.items() if path != "2.txt"}


def lie_about_size(upstream: Upstream) -> None:
    upstream.files["2.txt"] += b" and more"


def lie_about_digest(upstream: Upstream) -> None:
    upstream.files["2.txt"] = b"FILE 2"


FAULTS: dict[str, tuple[Callable[[Upstream], None], str]] = {
    "missing": (lambda upstream: upstream.fault("2.txt", Status(404)), "REMOTE_RESPONSE"),
    "forbidden": (lambda upstream: upstream.fault("2.txt", Status(403)), "REMOTE_RESPONSE"),
    "broken": (lambda upstream: upstream.fault("2.txt", Status(500)), "REMOTE_RESPONSE"),
    "reset": (lambda upstream: upstream.fault("2.txt", Reset()), "REMOTE_UNREACHABLE"),
    "truncated": (lambda upstream: upstream.fault("2.txt", Truncated(3)), "REMOTE_UNREACHABLE"),
    "endless": (lambda upstream: upstream.fault("2.txt", Endless()), "ARTIFACT_INVALID"),
    "size": (lie_about_size, "ARTIFACT_INVALID"),
    "digest": (lie_about_digest, "DIGEST_MISMATCH"),
}


@pytest.mark.parametrize(("fault", "code"), FAULTS.values(), ids=FAULTS)
async def test_sync_fails_and_changes_nothing(mirror: Mirror, fault: Callable[[Upstream], None], code: str) -> None:
    serve(mirror.upstream, FILES)
    fault(mirror.upstream)

    error = await mirror.sync_badly()

    assert error["code"] == code
    assert mirror.upstream.url_of("2.txt") in error["message"]


@pytest.mark.parametrize(("fault", "code"), FAULTS.values(), ids=FAULTS)
async def test_sync_leaves_it_out_and_tells(mirror: Mirror, fault: Callable[[Upstream], None], code: str) -> None:
    serve(mirror.upstream, FILES)
    fault(mirror.upstream)

    task = await mirror.sync(on_error=OnError.SKIP)

    assert await mirror.files() == digests(REST)
    assert await issues(task) == [(code, "2.txt")]
    issue = await SyncIssue.get(task_id=task.id)
    assert issue.url == mirror.upstream.url_of("2.txt")
    assert reports(task)["sync.issues"] == 1
    await mirror.engine.assert_nothing_left()


async def test_file_stays_in_a_mirror_while_its_new_bytes_cannot_be_had(mirror: Mirror) -> None:
    await mirror.sync(FILES)
    new = {**REST, "2.txt": b"new 2!", "3.txt": b"new 3!"}
    del new["4.txt"]
    serve(mirror.upstream, new)
    mirror.upstream.fault("2.txt", Status(404))

    task = await mirror.sync(on_error=OnError.SKIP)

    assert await issues(task) == [("REMOTE_RESPONSE", "2.txt")]
    assert await mirror.files() == digests(new | {"2.txt": FILES["2.txt"]})

    mirror.upstream.heal("2.txt")
    await mirror.sync(on_error=OnError.SKIP)

    assert await mirror.files() == digests(new)


async def test_unit_that_was_left_for_later_stays_in_a_mirror_while_its_bytes_cannot_be_had(parcels: Parcels) -> None:
    units = [parcels.parcel("one", {"a": b"x"})]
    remote = await Remote.get(id=parcels.repository.remote_id)
    await update_remote(parcels.engine, remote, policy="on_demand")
    await parcels.sync_parcels(units)
    await update_remote(parcels.engine, remote, policy="immediate")
    parcels.upstream.fault(sha256(b"x"), Status(404))

    task = await parcels.sync_parcels(units, on_error=OnError.SKIP)

    assert await issues(task) == [("REMOTE_RESPONSE", "a")]
    assert await parcels.files() == digests({"a": b"x"})


async def test_another_file_that_is_declared_for_the_place_takes_it(mirror: Mirror) -> None:
    await mirror.sync({"a.txt": b"old"})
    serve(mirror.upstream, {"a.txt": b"other"})
    mirror.upstream.files["PULP_MANIFEST"] = pulp_manifest({"a.txt": b"gone!"}) + pulp_manifest({"a.txt": b"other"})

    task = await mirror.sync(on_error=OnError.SKIP)

    assert await issues(task) == [("DIGEST_MISMATCH", "a.txt")]
    assert await mirror.files() == digests({"a.txt": b"other"})


async def test_of_two_files_at_one_path_the_first_one_stays(mirror: Mirror) -> None:
    bodies = [b"%d" % number for number in range(8)]
    mirror.upstream.files["PULP_MANIFEST"] = b"".join(pulp_manifest({"same.txt": body}) for body in bodies)
    for body in bodies:
        await mirror.store(body)

    task = await mirror.sync(on_error=OnError.SKIP)

    assert await issues(task) == [("UNIT_CONFLICT", "same.txt")] * 7
    assert await mirror.files() == digests({"same.txt": bodies[0]})


async def test_bad_lines_are_left_out_and_the_rest_is_mirrored(mirror: Mirror) -> None:
    good = pulp_manifest(FILES)
    bad = pulp_manifest({"../../etc/passwd": b"root", "/absolute.txt": b"/"})
    serve(mirror.upstream, FILES, manifest=bad + good + b"no digest at all\n")

    task = await mirror.sync(on_error=OnError.SKIP)

    assert await mirror.files() == digests(FILES)
    assert [code for code, _ in await issues(task)] == ["METADATA_INVALID"] * 3


async def test_manifest_of_garbage_is_not_read_to_its_end(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MAX_ISSUES", 100)
    mirror.upstream.files["PULP_MANIFEST"] = b"garbage\n" * 101

    error = await mirror.sync_badly(on_error=OnError.SKIP)

    assert (error["code"], error["values"]["limit"]) == ("LIMIT_EXCEEDED", 100)


async def test_manifest_that_cannot_be_had_is_no_unit_to_leave_out(mirror: Mirror) -> None:
    serve(mirror.upstream, FILES)
    mirror.upstream.fault("PULP_MANIFEST", Status(404))

    error = await mirror.sync_badly(on_error=OnError.SKIP)

    assert error["code"] == "REMOTE_RESPONSE"


async def test_page_that_is_no_manifest_empties_no_mirror(mirror: Mirror) -> None:
    await mirror.sync(FILES)
    mirror.upstream.files[MANIFEST] = b"<html>\n<body>Please log in</body>\n</html>\n"

    error = await mirror.sync_badly(on_error=OnError.SKIP, mode=SyncMode.MIRROR)

    assert (error["code"], "web page" in error["hint"]) == ("METADATA_INVALID", True)
    assert await mirror.files() == digests(FILES)


async def test_size_that_lies_about_stored_bytes_is_noticed(mirror: Mirror, upstream: Upstream) -> None:
    await mirror.sync(FILES)
    honest = pulp_manifest(FILES)
    serve(upstream, FILES, manifest=honest.replace(b",6\n", b",999\n"))

    assert (await mirror.sync_badly())["code"] == "ARTIFACT_INVALID"


async def test_remote_that_lies_about_a_size_speaks_for_itself_alone(
    engine: LocalEngine, mirror: Mirror, upstream: Upstream
) -> None:
    liar = await Mirror.of(engine, upstream)
    await update_remote(engine, await Remote.get(id=liar.repository.remote_id), policy="on_demand")
    serve(upstream, FILES, manifest=pulp_manifest(FILES).replace(b",6\n", b",999\n"))
    await liar.sync()

    await mirror.sync(FILES)

    units = await Content.filter(memberships__repository_id=mirror.repository.id)
    assert {unit.document["size"] for unit in units} == {6}


NASTY = ["a\0b", "\ud800"]


@pytest.mark.parametrize("nasty", NASTY, ids=["nul", "surrogate"])
@pytest.mark.parametrize("on_error", OnError)
async def test_text_that_cannot_be_stored_is_told_and_left_out(parcels: Parcels, nasty: str, on_error: OnError) -> None:
    good = parcels.parcel("good", {"good.txt": b"good"})

    async def declare(ctx: SyncContext[ParcelRemote]) -> AsyncIterator[DeclaredContent]:
        yield good
        ctx.report("test.nasty", nasty)
        ctx.issue(MetadataInvalid(url=nasty, reason=nasty), relative_path=nasty)
        yield DeclaredContent(Parcel(name="path"), (DeclaredArtifact(nasty, "u"),))
        yield DeclaredContent(Parcel(name="url"), (DeclaredArtifact("a", nasty),))
        yield DeclaredContent(Parcel(name=nasty))

    task = await parcels.engine.finished(await parcels.begin(declare, on_error=on_error))

    if on_error is OnError.FAIL:
        assert (task.error or {})["code"] == "METADATA_INVALID"
    else:
        assert task.state is TaskState.COMPLETED
        places = [storable(nasty), storable(nasty), "a", None]
        assert await issues(task) == [("METADATA_INVALID", place) for place in places]
        assert await parcels.files() == digests({"good.txt": b"good"})


async def test_url_that_is_off_limits_is_left_out(parcels: Parcels) -> None:
    good = parcels.parcel("good", {"good.txt": b"good"})
    local = DeclaredContent(Parcel(name="local"), (DeclaredArtifact("local", "file:///etc/passwd"),))

    task = await parcels.sync_parcels([local, good], on_error=OnError.SKIP)

    assert await issues(task) == [("REMOTE_NOT_SYNCABLE", "local")]
    assert await parcels.files() == digests({"good.txt": b"good"})
