"""Whatever is done to repositories, in whatever order: what they hold is what a simple model says."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headbox.errors import InUse
from headbox.models import Distribution, Publication, Repository, RepositoryVersion, Task
from headbox.models.database import fetch
from headbox.plugins.file.sync import FileSync
from headbox.services import serving, version_deletion
from headbox.services import task as tasks
from headbox.types import Automation, Origin, SyncMode, TaskState
from tests.factories.content import create_add, create_copy, digest_of, files_of, latest_version, make_files
from tests.factories.repository import make_repository
from tests.integration.schema.api import Api
from tests.integration.schema.ids import gid
from tests.support.engine import LocalEngine
from tests.support.installation import Installations
from tests.support.length import rounds
from tests.support.upstream import Upstream, pulp_manifest

PATHS = ("a", "b", "c", "d")
TEXTS = ("0", "11", "222")

paths = st.sampled_from(PATHS)
which = st.integers(0, 1)
files = st.dictionaries(paths, st.sampled_from(TEXTS), max_size=3)
seeds = st.integers(0, 2**16)

OPERATIONS = st.one_of(
    st.tuples(st.just("add"), which, files, st.lists(paths, max_size=2), st.booleans()),
    st.tuples(st.just("group"), which, st.lists(files, min_size=2, max_size=4)),
    st.tuples(st.just("copy"), which, st.booleans()),
    st.tuples(st.just("rollback"), which, seeds, files),
    st.tuples(st.just("delete"), which, seeds),
    st.tuples(st.just("sync"), which, files, st.sampled_from(SyncMode), st.booleans()),
    st.tuples(st.just("retain"), which, st.one_of(st.none(), st.integers(1, 3))),
)

DIFF = """
query ($old: ID!, $new: ID!) {
  versionDiff(from: $old, to: $new, first: 100) {
    edges { change node { ... on FileContent { relativePath sha256 } } }
  }
}
"""


def size_of(digest: str) -> int:
    return next(len(text) for text in TEXTS if digest_of(text) == digest)


#: What a version holds: path -> digest and how it came in.
Held = dict[str, tuple[str, Origin]]


@dataclass
class Model:
    """What one repository holds, version by version."""

    repository: Repository
    versions: dict[int, Held] = field(default_factory=lambda: {0: {}})
    retained: int | None = None

    @property
    def latest(self) -> Held:
        return self.versions[max(self.versions)]

    def become(self, held: Held) -> None:
        """Make a version, where that changes anything, and let go of old ones."""
        if {path: digest for path, (digest, _) in held.items()} != {p: d for p, (d, _) in self.latest.items()}:
            self.versions[max(self.versions) + 1] = held
        for number in sorted(self.versions)[: -(self.retained or len(self.versions))]:
            del self.versions[number]
        self.settle()

    def settle(self) -> None:
        """Let what stays from one version to the next have come in once."""
        before: Held = {}
        for number in sorted(self.versions):
            for path, (digest, _) in self.versions[number].items():
                if path in before and before[path][0] == digest:
                    self.versions[number][path] = before[path]
            before = self.versions[number]


class World:
    """Two repositories, each served, beside their models."""

    def __init__(self, engine: LocalEngine, upstream: Upstream) -> None:
        self.engine = engine
        self.upstream = upstream
        self.api = Api(engine)
        self.models: list[Model] = []

    async def build(self) -> None:
        for number in range(2):
            repository = await make_repository(
                self.engine, self.upstream, f"served/{number}", automation=Automation.DISTRIBUTE
            )
            self.models.append(Model(repository))

    async def units(self, files: dict[str, str]) -> dict[str, UUID]:
        made = await make_files(self.engine, *sorted(files.items()))
        return dict(zip(sorted(files), made, strict=True))

    async def unit_at(self, model: Model, path: str) -> UUID | None:
        if path not in model.latest:
            return None
        text = next(text for text in TEXTS if digest_of(text) == model.latest[path][0])
        return (await self.units({path: text}))[path]

    async def add(self, n: int, files: dict[str, str], removed: list[str], overwrite: bool) -> None:
        model = self.models[n]
        gone = {path: unit for path in removed if path not in files and (unit := await self.unit_at(model, path))}
        if not files and not gone:
            return
        units = await self.units(files)
        task = await create_add(
            self.engine, model.repository, list(units.values()), remove=list(gone.values()), overwrite=overwrite
        )
        replaced = {p for p, text in files.items() if p in model.latest and model.latest[p][0] != digest_of(text)}
        if replaced and not overwrite:
            assert (await self.engine.failed(task))["code"] == "UNIT_CONFLICT"
            return
        await self.engine.completed(task)
        self.added(model, files, set(gone))

    def added(self, model: Model, files: dict[str, str], gone: set[str]) -> None:
        held = {path: value for path, value in model.latest.items() if path not in gone}
        for path, text in files.items():
            if path not in held or held[path][0] != digest_of(text):
                held[path] = digest_of(text), Origin.UPLOAD
        model.become(held)

    async def group(self, n: int, many: list[dict[str, str]]) -> None:
        model = self.models[n]
        self.engine.dispatcher.is_losing = True
        waiting = [
            await create_add(self.engine, model.repository, list((await self.units(files)).values()))
            for files in many
            if files
        ]
        self.engine.dispatcher.is_losing = False
        if not waiting:
            return
        before = (await latest_version(model.repository)).number
        await self.engine.runner.run(waiting[0].id)
        for task in waiting:
            await self.engine.completed(task)
        # Those that touch other places are one version.
        held, touched = dict(model.latest), set[str]()
        for files in filter(None, many):
            if touched & files.keys():
                model.become(held)
                held, touched = dict(model.latest), set()
            touched |= files.keys()
            for path, text in files.items():
                if path not in held or held[path][0] != digest_of(text):
                    held[path] = digest_of(text), Origin.UPLOAD
        model.become(held)
        assert (await latest_version(model.repository)).number - before <= len(waiting)

    async def copy(self, n: int, overwrite: bool) -> None:
        source, target = self.models[n], self.models[1 - n]
        version = await latest_version(source.repository)
        task = await create_copy(self.engine, target.repository, version, overwrite=overwrite)
        held = dict(target.latest)
        replaced = {path for path in source.latest if path in held and held[path][0] != source.latest[path][0]}
        if replaced and not overwrite:
            assert (await self.engine.failed(task))["code"] == "UNIT_CONFLICT"
            return
        await self.engine.completed(task)
        for path, (digest, _) in source.latest.items():
            if path not in held or held[path][0] != digest:
                held[path] = digest, Origin.COPY
        target.become(held)

    async def rollback(self, n: int, seed: int, files: dict[str, str]) -> None:
        model = self.models[n]
        number = random.Random(seed).choice(sorted(model.versions))
        base = await RepositoryVersion.get(repository_id=model.repository.id, number=number)
        units = await self.units(files)
        task = await create_add(self.engine, model.repository, list(units.values()), base=base)
        await self.engine.completed(task)
        model.become(model.versions[number] | {path: (digest_of(text), Origin.UPLOAD) for path, text in files.items()})

    async def delete(self, n: int, seed: int) -> None:
        model = self.models[n]
        number = random.Random(seed).choice(sorted(model.versions))
        version = await RepositoryVersion.get(repository_id=model.repository.id, number=number)
        is_kept = number == max(model.versions)
        try:
            async with self.engine.unit_of_work() as work:
                await version_deletion.delete(work, version)
        except InUse:
            assert is_kept
        else:
            assert not is_kept
            del model.versions[number]
            model.settle()

    async def sync(self, n: int, files: dict[str, str], mode: SyncMode, keep: bool) -> None:
        model = self.models[n]
        bodies = {path: text.encode() for path, text in files.items()}
        self.upstream.files.clear()
        self.upstream.files.update(bodies | {"PULP_MANIFEST": pulp_manifest(bodies)})
        async with self.engine.unit_of_work() as work:
            request = tasks.SyncRequest(model.repository, mode=mode, keep_uploads=keep, force=True)
            task = await tasks.create_sync(work, FileSync, request)
        await self.engine.completed(task)
        held = dict(model.latest)
        if mode is SyncMode.MIRROR:
            held = {
                path: value
                for path, value in held.items()
                if (keep and value[1] is not Origin.SYNC) or (path in files and digest_of(files[path]) == value[0])
            }
        for path, text in files.items():
            if path not in held or held[path][0] != digest_of(text):
                held[path] = digest_of(text), Origin.SYNC
        model.become(held)

    async def retain(self, n: int, versions: int | None) -> None:
        model = self.models[n]
        await Repository.filter(id=model.repository.id).update(retain_versions=versions)
        model.retained = versions

    async def check(self) -> None:
        """Make sure that everything is as the models say: versions, what they changed, and what is served."""
        for n, model in enumerate(self.models):
            versions = await RepositoryVersion.filter(repository_id=model.repository.id).order_by("number")
            assert [version.number for version in versions] == sorted(model.versions)
            before: Held = {}
            for version in versions:
                held = model.versions[version.number]
                digests = {path: digest for path, (digest, _) in held.items()}
                assert await files_of(self.engine, version) == digests
                was = {path: digest for path, (digest, _) in before.items()}
                added, removed = digests.items() - was.items(), was.items() - digests.items()
                assert (version.present, version.added, version.removed) == (len(digests), len(added), len(removed))
                assert version.size == sum(size_of(digest) for digest in digests.values())
                assert version.size == sum(counts["size"] for counts in version.by_kind.values())
                before = held
            await self.check_diff(model, versions[0], versions[-1])
            await self.check_origins(model)
            await self.check_served(n, model)
        empty = "SELECT COUNT(*) AS number FROM membership WHERE removed_in <= added_in"
        assert (await fetch(self.engine.database.connection, empty))[0]["number"] == 0

    async def check_diff(self, model: Model, old: RepositoryVersion, new: RepositoryVersion) -> None:
        before, after = (
            {(path, digest) for path, (digest, _) in model.versions[version.number].items()} for version in (old, new)
        )
        found = (await self.api.run(DIFF, old=gid("RepositoryVersion", old), new=gid("RepositoryVersion", new)))[
            "versionDiff"
        ]["edges"]
        changes = {(edge["change"], edge["node"]["relativePath"], edge["node"]["sha256"]) for edge in found}
        assert len(changes) == len(found)
        assert changes == {("ADDED", *file) for file in after - before} | {
            ("REMOVED", *file) for file in before - after
        }

    async def check_origins(self, model: Model) -> None:
        rows = await fetch(
            self.engine.database.connection,
            "SELECT relative_path, origin FROM membership JOIN content_artifact USING (content_id)"
            " WHERE repository_id = ? AND removed_in IS NULL",
            [str(model.repository.id)],
        )
        assert {row["relative_path"]: row["origin"] for row in rows} == {
            p: o.value for p, (_, o) in model.latest.items()
        }

    async def check_served(self, n: int, model: Model) -> None:
        distribution = await Distribution.get(base_path=f"served/{n}")
        if distribution.serving_id is None:
            assert not await Publication.filter(repository_version__repository_id=model.repository.id).exists()
            return
        connection = self.engine.database.connection
        pointer = await serving.pointer_for(connection, f"served/{n}")
        assert pointer is not None
        assert pointer.served is not None
        assert pointer.served.number == max(model.versions)
        found = [await serving.find(connection, pointer.served, path) for path in PATHS]
        assert {file.relative_path: file.sha256 for file in found if file} == {
            path: digest for path, (digest, _) in model.latest.items()
        }


@pytest.mark.timeout(900)
@settings(max_examples=rounds(15, long=200), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(operations=st.lists(OPERATIONS, min_size=4, max_size=12))
def test_versions_are_those_of_the_model(installations: Installations, operations: list[tuple[Any, ...]]) -> None:
    async def play(data_dir: Path, upstream: Upstream) -> None:
        async with LocalEngine(data_dir).running() as engine:
            world = World(engine, upstream)
            await world.build()
            for name, *arguments in operations:
                operation: Callable[..., Any] = getattr(world, name)
                await operation(*arguments)
                await world.check()
            assert not await Task.filter(state__in=[TaskState.WAITING, TaskState.RUNNING]).exists()

    with (
        TemporaryDirectory() as folder,
        installations.new(Path(folder) / "data") as data_dir,
        Upstream() as upstream,
    ):
        asyncio.run(play(data_dir, upstream))
