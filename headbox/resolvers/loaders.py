"""Data loaders: what all rows of a list need is fetched together.

They live as long as one operation, or one event of a subscription, and so never show what is no longer so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property
from typing import Any, TypeVar
from uuid import UUID

from strawberry.dataloader import DataLoader
from tortoise.models import Model

from headbox.models import (
    Artifact,
    ArtifactSource,
    Content,
    ContentArtifact,
    Distribution,
    Publication,
    PublishSettings,
    Remote,
    RemoteRevision,
    Repository,
    RepositoryVersion,
    Schedule,
    SyncPlan,
    Task,
    TaskClaim,
    TaskGroup,
    Upload,
    Webhook,
    Worker,
)
from headbox.models.database import Connection, fetch, model_from
from headbox.resolvers import current_remote, paging
from headbox.resolvers.current_remote import CurrentRemote
from headbox.resolvers.ids import GlobalId, NodeTypes
from headbox.resolvers.paging import Listing, Page, PageRequest
from headbox.tasking import queries
from headbox.types import TaskState

ModelT = TypeVar("ModelT", bound=Model)
#: Loads rows by id.
RowLoader = DataLoader[UUID, ModelT | None]
#: A repository and the number of one of its versions.
VersionNumber = tuple[UUID, int]
#: A content unit and a path in it.
ArtifactPlace = tuple[UUID, str]

#: Most keys of one query; SQLite takes no more than 1,000 terms in an expression.
BATCH = 500
#: Most tasks that are listed as blocking one task.
MAX_BLOCKERS = 100


class Loaders:
    """The data loaders of one operation.

    A loader by id gives None for a row that is gone, and for one of a kind that no installed plugin has.
    """

    def __init__(self, connection: Connection, types: NodeTypes) -> None:
        self._connection = connection
        self._types = types

    # Made when they are first used: most operations need few of them.
    content = cached_property[RowLoader[Content]](lambda self: self._of(Content))
    distribution = cached_property[RowLoader[Distribution]](lambda self: self._of(Distribution))
    publication = cached_property[RowLoader[Publication]](lambda self: self._of(Publication))
    publish_settings = cached_property[RowLoader[PublishSettings]](lambda self: self._of(PublishSettings))
    remote_revision = cached_property[RowLoader[RemoteRevision]](lambda self: self._of(RemoteRevision))
    repository = cached_property[RowLoader[Repository]](lambda self: self._of(Repository))
    schedule = cached_property[RowLoader[Schedule]](lambda self: self._of(Schedule))
    sync_plan = cached_property[RowLoader[SyncPlan]](lambda self: self._of(SyncPlan))
    version = cached_property[RowLoader[RepositoryVersion]](lambda self: self._of(RepositoryVersion))
    task = cached_property[RowLoader[Task]](lambda self: self._of(Task))
    task_group = cached_property[RowLoader[TaskGroup]](lambda self: self._of(TaskGroup))
    upload = cached_property[RowLoader[Upload]](lambda self: self._of(Upload))
    webhook = cached_property[RowLoader[Webhook]](lambda self: self._of(Webhook))
    worker = cached_property[RowLoader[Worker]](lambda self: self._of(Worker))
    remote = cached_property[DataLoader[UUID, CurrentRemote | None]](lambda self: DataLoader(self._remotes, BATCH))
    version_numbered = cached_property[DataLoader[VersionNumber, RepositoryVersion | None]](
        lambda self: DataLoader(self._versions_numbered, BATCH)
    )
    claims = cached_property[DataLoader[UUID, list[TaskClaim]]](lambda self: DataLoader(self._claims, BATCH))
    blockers = cached_property[DataLoader[UUID, list[Task]]](lambda self: DataLoader(self._blockers, BATCH))
    group_counts = cached_property[DataLoader[UUID, dict[TaskState, int]]](
        lambda self: DataLoader(self._group_counts, BATCH)
    )
    dropped_log_lines = cached_property[DataLoader[UUID, int]](lambda self: DataLoader(self._dropped_log_lines, BATCH))
    current_tasks = cached_property[DataLoader[UUID, list[Task]]](lambda self: DataLoader(self._current_tasks, BATCH))
    artifacts = cached_property[DataLoader[UUID, list[ContentArtifact]]](
        lambda self: DataLoader(self._artifacts, BATCH)
    )
    stored_digest = cached_property[DataLoader[str, bool]](lambda self: DataLoader(self._stored_digests, BATCH))
    sources = cached_property[DataLoader[ArtifactPlace, list[ArtifactSource]]](
        lambda self: DataLoader(self._sources, BATCH)
    )
    row_count = cached_property[DataLoader[Listing, int]](lambda self: DataLoader(self._count_rows, BATCH))
    # Not cached: each page is asked for once.
    _pages = cached_property[DataLoader[PageRequest[Any], Page[Any]]](
        lambda self: DataLoader(self._read_pages, BATCH, cache=False)
    )

    async def page(self, request: PageRequest[paging.EdgeT]) -> Page[paging.EdgeT]:
        """Read a page, together with others that select alike."""
        page: Page[paging.EdgeT] = await self._pages.load(request)
        return page

    async def node(self, identifier: GlobalId) -> Any:
        """Return the row of a global id, or None when there is none that clients may see."""
        node_type = self._types.named(identifier.type_name)
        if node_type is None:
            return None
        node = await self._visible(node_type.model, identifier.id)
        return node if node is not None and self._types.name_of(node) == node_type.name else None

    async def _visible(self, model: type[Model], id: UUID) -> Any:
        """Return a row of any model that clients may see."""
        by_model: dict[type[Model], Callable[[UUID], Awaitable[Any]]] = {
            Content: self.content.load,
            Distribution: self.distribution.load,
            Publication: self._visible_publication,
            PublishSettings: self.publish_settings.load,
            Remote: self._visible_remote,
            Repository: self.repository.load,
            RepositoryVersion: self._visible_version,
            Schedule: self.schedule.load,
            Task: self.task.load,
            TaskGroup: self.task_group.load,
            Upload: self.upload.load,
            Webhook: self.webhook.load,
            Worker: self.worker.load,
        }
        return await by_model[model](id)

    async def _visible_remote(self, id: UUID) -> CurrentRemote | None:
        remote = await self.remote.load(id)
        return remote if remote is not None and remote.row.deleted_at is None else None

    async def _visible_version(self, id: UUID) -> RepositoryVersion | None:
        version = await self.version.load(id)
        return version if version is not None and await self.repository.load(version.repository_id) else None

    async def _visible_publication(self, id: UUID) -> Publication | None:
        publication = await self.publication.load(id)
        if publication is None or await self._visible_version(publication.repository_version_id) is None:
            return None
        return publication

    def _of(self, model: type[ModelT]) -> DataLoader[UUID, ModelT | None]:
        async def load(ids: list[UUID]) -> Sequence[ModelT | None]:
            rows = {row.pk: row for row in await model.filter(pk__in=ids) if self._types.name_of(row) is not None}
            return [rows.get(key) for key in ids]

        return DataLoader(load, BATCH)

    async def _remotes(self, ids: list[UUID]) -> list[CurrentRemote | None]:
        rows = await fetch(
            self._connection,
            f"SELECT {current_remote.COLUMNS} FROM {current_remote.SOURCE} WHERE remote.id IN ({_marks(ids)})",  # noqa: S608
            _texts(ids),
        )
        found = {remote.id: remote for remote in map(CurrentRemote.of, rows) if self._types.name_of(remote) is not None}
        return [found.get(key) for key in ids]

    async def _versions_numbered(self, keys: list[VersionNumber]) -> list[RepositoryVersion | None]:
        rows = await fetch(
            self._connection,
            f"SELECT * FROM repository_version WHERE {' OR '.join(['(repository_id = ? AND number = ?)'] * len(keys))}",  # noqa: S608
            [value for repository_id, number in keys for value in (str(repository_id), number)],
        )
        versions = [model_from(RepositoryVersion, row) for row in rows]
        found = {(version.repository_id, version.number): version for version in versions}
        return [found.get(key) for key in keys]

    async def _claims(self, task_ids: list[UUID]) -> list[list[TaskClaim]]:
        found = await queries.claims_of(task_ids)
        return [found.get(task_id, []) for task_id in task_ids]

    async def _blockers(self, task_ids: list[UUID]) -> list[list[Task]]:
        found = await queries.blockers_of(self._connection, task_ids, MAX_BLOCKERS)
        blockers = await self.task.load_many(list({key: None for keys in found.values() for key in keys}))
        tasks = {task.id: task for task in blockers if task is not None}
        return [[tasks[key] for key in found.get(task_id, ()) if key in tasks] for task_id in task_ids]

    async def _group_counts(self, group_ids: list[UUID]) -> list[dict[TaskState, int]]:
        found = await queries.group_counts(self._connection, group_ids)
        return [found[group_id] for group_id in group_ids]

    async def _dropped_log_lines(self, task_ids: list[UUID]) -> list[int]:
        rows = await fetch(
            self._connection,
            "SELECT task_id, MIN(number) AS first FROM task_log_line"  # noqa: S608
            f" WHERE task_id IN ({_marks(task_ids)}) GROUP BY task_id",
            _texts(task_ids),
        )
        dropped = {str(row["task_id"]): row["first"] - 1 for row in rows}
        return [dropped.get(str(task_id), 0) for task_id in task_ids]

    async def _current_tasks(self, worker_ids: list[UUID]) -> list[list[Task]]:
        running = Task.filter(worker_id__in=worker_ids, state__in=[TaskState.RUNNING, TaskState.CANCELING])
        found: defaultdict[UUID | None, list[Task]] = defaultdict(list)
        for task in await running.order_by("id"):
            if self._types.name_of(task) is not None:
                found[task.worker_id].append(task)
        return [found[worker_id] for worker_id in worker_ids]

    async def _artifacts(self, content_ids: list[UUID]) -> list[list[ContentArtifact]]:
        found: defaultdict[UUID, list[ContentArtifact]] = defaultdict(list)
        for artifact in await ContentArtifact.filter(content_id__in=content_ids).order_by("relative_path"):
            found[artifact.content_id].append(artifact)
        return [found[content_id] for content_id in content_ids]

    async def _stored_digests(self, digests: list[str]) -> list[bool]:
        whole = Artifact.filter(sha256__in=digests, damaged_at__isnull=True)
        stored = {artifact.sha256 for artifact in await whole.only("sha256")}
        return [digest in stored for digest in digests]

    async def _sources(self, places: list[ArtifactPlace]) -> list[list[ArtifactSource]]:
        content_ids = {content_id for content_id, _ in places}
        found: defaultdict[ArtifactPlace, list[ArtifactSource]] = defaultdict(list)
        for source in await ArtifactSource.filter(content_id__in=content_ids).order_by("id"):
            found[source.content_id, source.relative_path].append(source)
        return [found[place] for place in places]

    async def _read_pages(self, requests: list[PageRequest[Any]]) -> list[Page[Any]]:
        return await paging.read_pages(self._connection, requests)

    async def _count_rows(self, listings: list[Listing]) -> list[int]:
        return await paging.count_rows(self._connection, listings)


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))


def _texts(ids: Sequence[UUID]) -> list[str]:
    return [str(key) for key in ids]
