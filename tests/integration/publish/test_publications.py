"""Publications: made once of the same inputs, held back or served, and what they hold."""

from __future__ import annotations

from uuid import UUID

import pytest

from headbox.errors import Invalid, NoDistribution, Required
from headbox.models import Distribution, Publication, PublishedFile, PublishSettings, Task
from headbox.plugins.file.kinds import FileContent
from headbox.plugins.file.manifest import read_manifest
from headbox.plugins.file.publish import FilePublish
from headbox.services import distribution as distributions
from headbox.services import publication as publications
from headbox.services import repository as repositories
from headbox.services import task as tasks
from headbox.services.task import PublishRequest
from headbox.types import Automation
from tests.factories.distribution import delete_distribution, make_distribution
from tests.factories.repository import make_repository
from tests.factories.task import make_publish, make_sync
from tests.support.engine import LocalEngine
from tests.support.mirror import MANIFEST, Mirror, digests, serve
from tests.support.upstream import Slow, Upstream
from tests.support.waiting import until


async def publish(mirror: Mirror, number: int | None = None, **request: object) -> tuple[Task, Publication]:
    """Publish a version, or the latest one, and return task and publication."""
    what = mirror.repository if number is None else await mirror.version(number)
    task = await mirror.engine.completed(await make_publish(mirror.engine, what, **request))
    return task, await Publication.get(id=task.result["publication"])


async def serving(base_path: str) -> UUID | None:
    """Return the publication that a distribution serves."""
    found: UUID | None = (await Distribution.get(base_path=base_path)).serving_id
    return found


class TestReuse:
    async def test_same_inputs_give_the_publication_that_stands(self, mirror: Mirror) -> None:
        first_task, first = await publish(mirror)
        second_task, second = await publish(mirror)

        assert first.id == second.id
        assert (first_task.result["reused"], second_task.result["reused"]) == (False, True)
        assert first_task.created_resources == [f"Publication:{first.id}"]
        assert second_task.created_resources == []
        assert second_task.actions[0]["reports"] == [], "nothing was rendered"

    async def test_other_version_or_settings_give_another_one(self, mirror: Mirror) -> None:
        made = [
            (await publish(mirror))[1],
            (await publish(mirror, 1))[1],
            (await publish(mirror, settings={"manifest": "FILES"}))[1],
        ]

        assert len({publication.id for publication in made}) == 3

    async def test_two_publishes_at_once_make_one(self, engine: LocalEngine, mirror: Mirror) -> None:
        tasks = [await make_publish(engine, mirror.repository) for _ in range(5)]

        done = [await engine.completed(task) for task in tasks]

        assert len({task.result["publication"] for task in done}) == 1
        assert sorted(task.result["reused"] for task in done) == [False, True, True, True, True]

    async def test_same_settings_are_one_row(self, mirror: Mirror) -> None:
        await publish(mirror, settings={"manifest": "FILES"})
        await publish(mirror, 1, settings={"manifest": "FILES"})
        await publish(mirror, settings={})
        await publish(mirror, 1, settings={"manifest": MANIFEST})

        assert await PublishSettings.all().count() == 2


class TestWhatIsRendered:
    @pytest.mark.parametrize("sorted_in_memory", [100, 3, 1], ids=["in memory", "one page on disk", "all on disk"])
    async def test_manifest_lists_the_version_by_path(
        self, engine: LocalEngine, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, sorted_in_memory: int
    ) -> None:
        monkeypatch.setattr(publications, "SORTED_IN_MEMORY", sorted_in_memory)
        monkeypatch.setattr(publications, "PAGE", 2)
        files = {
            path: path.encode()
            for path in ("b.txt", "a/z.txt", "a.txt", "a, b.txt", 'say "hi"', " led", "été/日本.txt")
        }
        mirror = await Mirror.of(engine, upstream)
        await mirror.sync(files)

        _, publication = await publish(mirror)

        [file] = await PublishedFile.filter(publication_id=publication.id)
        path = engine.storage.path_of(file.sha256)
        assert path is not None
        listed = list(read_manifest(path, "published"))
        assert [unit.relative_path for unit in listed if isinstance(unit, FileContent)] == sorted(files)
        assert {unit.relative_path: unit.sha256 for unit in listed if isinstance(unit, FileContent)} == digests(files)
        assert (file.relative_path, file.size) == (MANIFEST, path.stat().st_size)

    async def test_manifest_does_not_list_what_it_hides(self, engine: LocalEngine, upstream: Upstream) -> None:
        files = {"a.txt": b"a", "FILES": b"hidden"}
        mirror = await Mirror.of(
            engine, upstream, automation=Automation.PUBLISH, publish_settings={"manifest": "FILES"}
        )

        await mirror.sync(files)

        [manifest] = await PublishedFile.all()
        listed = b"".join([chunk async for chunk in engine.storage.read(manifest.sha256)])
        assert [line.split(b",")[0] for line in listed.splitlines()] == [b"a.txt"]

    async def test_settings_name_the_manifest(self, mirror: Mirror) -> None:
        _, publication = await publish(mirror, settings={"manifest": "lists/FILES"})

        [file] = await PublishedFile.filter(publication_id=publication.id)
        assert file.relative_path == "lists/FILES"

    async def test_empty_version_is_published(self, engine: LocalEngine, upstream: Upstream) -> None:
        mirror = await Mirror.of(engine, upstream)

        _, publication = await publish(mirror)

        [file] = await PublishedFile.filter(publication_id=publication.id)
        assert file.size == 0


class TestServing:
    async def test_repository_serves_its_latest_version_whatever_is_published_last(self, mirror: Mirror) -> None:
        await make_distribution(mirror.engine, "mirror", mirror.repository)

        _, latest = await publish(mirror, 2)
        assert await serving("mirror") == latest.id
        await publish(mirror, 1)

        assert await serving("mirror") == latest.id

    async def test_publication_that_is_held_back_is_served_when_it_is_released(self, mirror: Mirror) -> None:
        await make_distribution(mirror.engine, "mirror", mirror.repository)
        _, first = await publish(mirror, 1)
        _, second = await publish(mirror, 2, distributable=False)
        assert await serving("mirror") == first.id

        async with mirror.engine.unit_of_work() as work:
            await publications.release(work, second)

        assert await serving("mirror") == second.id

    async def test_publishing_it_again_as_distributable_releases_it(self, mirror: Mirror) -> None:
        await make_distribution(mirror.engine, "mirror", mirror.repository)
        await publish(mirror, distributable=False)
        assert await serving("mirror") is None

        task, publication = await publish(mirror)

        assert task.result["reused"] is True
        assert await serving("mirror") == publication.id

    async def test_publishing_it_again_does_not_hold_it_back(self, mirror: Mirror) -> None:
        _, publication = await publish(mirror)

        await publish(mirror, distributable=False)

        assert (await Publication.get(id=publication.id)).distributable is True

    async def test_deleted_publication_gives_way_to_the_one_before(self, mirror: Mirror) -> None:
        await make_distribution(mirror.engine, "mirror", mirror.repository)
        _, first = await publish(mirror, 1)
        _, second = await publish(mirror, 2)

        async with mirror.engine.unit_of_work() as work:
            await publications.delete(work, second)

        assert await serving("mirror") == first.id

    async def test_publication_that_is_pinned_cannot_be_deleted(self, mirror: Mirror) -> None:
        _, publication = await publish(mirror)
        await make_distribution(mirror.engine, "pinned", publication)

        async def delete() -> None:
            async with mirror.engine.unit_of_work() as work:
                await publications.delete(work, publication)

        with pytest.raises(Invalid, match="is pinned to it"):
            await delete()
        assert await serving("pinned") == publication.id


class TestAutomation:
    async def test_none_makes_a_version_alone(self, engine: LocalEngine, upstream: Upstream) -> None:
        mirror = await Mirror.of(engine, upstream, "mirror", automation=Automation.NONE)

        task = await mirror.sync({"a.txt": b"a"})

        assert task.result["publication"] is None
        assert await Publication.all().count() == 0

    async def test_publish_holds_back(self, engine: LocalEngine, upstream: Upstream) -> None:
        mirror = await Mirror.of(engine, upstream, "mirror", automation=Automation.PUBLISH)

        task = await mirror.sync({"a.txt": b"a"})

        [publication] = await Publication.all()
        assert task.result["publication"] == str(publication.id)
        assert publication.distributable is False
        assert await serving("mirror") is None

    async def test_distribute_serves_at_once(self, engine: LocalEngine, upstream: Upstream) -> None:
        mirror = await Mirror.of(engine, upstream, "mirror", "other", automation=Automation.DISTRIBUTE)

        task = await mirror.sync({"a.txt": b"a"})

        [publication] = await Publication.all()
        assert publication.distributable is True
        assert [await serving("mirror"), await serving("other")] == [publication.id] * 2
        assert task.created_resources == [
            f"RepositoryVersion:{publication.repository_version_id}",
            f"Publication:{publication.id}",
        ]

    async def test_task_overrides_its_repository(self, engine: LocalEngine, upstream: Upstream) -> None:
        mirror = await Mirror.of(engine, upstream, "mirror", automation=Automation.DISTRIBUTE)

        await mirror.sync({"a.txt": b"a"}, automation=Automation.NONE)

        assert await Publication.all().count() == 0

    async def test_settings_of_the_repository_are_used(self, engine: LocalEngine, upstream: Upstream) -> None:
        mirror = await Mirror.of(
            engine, upstream, automation=Automation.PUBLISH, publish_settings={"manifest": "FILES"}
        )

        await mirror.sync({"a.txt": b"a"})

        assert [file.relative_path for file in await PublishedFile.all()] == ["FILES"]

    async def test_settings_that_come_back_are_served_again(self, engine: LocalEngine, upstream: Upstream) -> None:
        mirror = await Mirror.of(engine, upstream, "a", automation=Automation.DISTRIBUTE)
        first = last = await mirror.sync({"a.txt": b"a"})
        for manifest in ("OTHER", MANIFEST):
            async with engine.unit_of_work() as work:
                changes = {"publish_settings": {"manifest": manifest}}
                await repositories.update(work, mirror.repository, changes=changes, expected_revision=None)
            last = await mirror.sync()

        assert last.result == {"repository_version": None, "publication": first.result["publication"], "reused": True}
        assert str(await serving("a")) == first.result["publication"]

    async def test_distribute_to_nowhere_is_refused_and_makes_no_task(self, mirror: Mirror) -> None:
        before = await mirror.engine.rows_of("task")

        with pytest.raises(NoDistribution) as raised:
            await make_sync(mirror.engine, mirror.repository, automation=Automation.DISTRIBUTE)

        assert raised.value.path == ("automation",)
        assert await mirror.engine.rows_of("task") == before
        assert await mirror.engine.rows_of("task_claim") == 0

    async def test_distribution_that_goes_while_the_sync_runs_fails_it(
        self, engine: LocalEngine, upstream: Upstream
    ) -> None:
        mirror = await Mirror.of(engine, upstream, "mirror", automation=Automation.DISTRIBUTE)
        serve(upstream, {"a.txt": b"a"})
        upstream.fault("a.txt", Slow(0.3))
        task = await make_sync(engine, mirror.repository)
        await until(lambda: upstream.hits("a.txt"))

        await delete_distribution(engine, await Distribution.get(base_path="mirror"))

        assert (await engine.failed(task))["code"] == "NO_DISTRIBUTION"
        assert await mirror.latest() == 0


async def test_publish_names_one_thing(engine: LocalEngine, mirror: Mirror) -> None:
    version = await mirror.version()

    with pytest.raises(Invalid, match="in place of a repository"):
        await make_publish(engine, mirror.repository, repository_version=version)
    with pytest.raises(Required, match="Either repository or repositoryVersion"):
        async with engine.unit_of_work() as work:
            await tasks.create_publish(work, FilePublish, PublishRequest())


async def test_publish_of_a_repository_that_is_deleted_meanwhile_fails(engine: LocalEngine, mirror: Mirror) -> None:
    engine.dispatcher.is_losing = True
    task = await make_publish(engine, mirror.repository)
    await Task.filter(id=task.id).update(repository_id=None)
    async with engine.unit_of_work() as work:
        await repositories.delete(work, mirror.repository)

    engine.dispatcher.is_losing = False
    await engine.send_again()

    assert (await engine.failed(task))["code"] == "NOT_FOUND"


async def test_distribution_follows_what_it_is_pointed_at(mirror: Mirror) -> None:
    engine = mirror.engine
    _, first = await publish(mirror, 1)
    _, second = await publish(mirror, 2)
    other = await make_repository(engine)

    for source, served in (
        (mirror.repository, second.id),
        (await mirror.version(1), first.id),
        (await mirror.version(0), None),
        (first, first.id),
        (other, None),
        (None, None),
    ):
        distribution = await make_distribution(engine, "here", source)
        assert distribution.serving_id == served
        await delete_distribution(engine, distribution)


async def test_distribution_of_a_version_serves_its_publication_once_there_is_one(mirror: Mirror) -> None:
    await make_distribution(mirror.engine, "old", await mirror.version(1))
    assert await serving("old") is None

    _, publication = await publish(mirror, 1)
    await publish(mirror, 2)

    assert await serving("old") == publication.id


async def test_distribution_that_is_pinned_stays(mirror: Mirror) -> None:
    _, first = await publish(mirror, 1)
    await make_distribution(mirror.engine, "pinned", first)

    await publish(mirror, 2)

    assert await serving("pinned") == first.id
    async with mirror.engine.unit_of_work() as work:
        assert await distributions.count_following(work.connection, mirror.repository.id) == 0
