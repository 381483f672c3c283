"""Where the bytes of artifacts can be fetched: what remotes declared, in the order in which it is tried.

First the sources of the very place that the bytes are wanted for, first known first. Then those of other places with
the same digest: the bytes are checked, so it does not matter who sends them. A STREAMED remote, whose bytes are never
kept, is asked after those whose bytes need not be fetched again. A source that failed a short while ago, and one whose
remote is away, comes after all others; it is tried nevertheless, for it may be well again.
"""

from __future__ import annotations

from collections.abc import Set
from datetime import datetime, timedelta
from uuid import UUID

from headbox.download.urls import safe_url
from headbox.errors import (
    ArtifactInvalid,
    DigestMismatch,
    HeadboxError,
    NotFound,
    NotPermitted,
    RemoteNotSyncable,
    RemoteResponse,
    RemoteUnreachable,
    TimedOut,
    TooLarge,
)
from headbox.models import ArtifactSource
from headbox.models.database import Connection, execute, fetch, json_field, model_from, now, retrying
from headbox.services.remote_pool import RemotePool
from headbox.types import DownloadPolicy

#: Most places with the same digest whose sources are looked at; the empty file may be in a million.
MAX_PLACES = 10
#: What is a source's fault, and not that of whoever fetches.
FAULTS = (
    ArtifactInvalid,
    DigestMismatch,
    NotFound,
    NotPermitted,
    RemoteNotSyncable,
    RemoteResponse,
    RemoteUnreachable,
    TimedOut,
    TooLarge,
)
#: What tells that a remote as a whole is away.
_AWAY = (RemoteUnreachable, TimedOut)

#: A content unit, and a path in it.
Place = tuple[UUID, str]


async def candidates(
    connection: Connection, pool: RemotePool, *, sha256: str | None, place: Place | None = None
) -> list[ArtifactSource]:
    """Return where some bytes can be fetched, the source to try first in front.

    Args:
        connection: Where to look.
        pool: Knows which remotes are away.
        sha256: Their digest, or None while nobody knows it.
        place: What they are wanted for, or None when that makes no difference.
    """
    found: dict[int, ArtifactSource] = {}
    for source in [*await _of_place(connection, place), *await _of_digest(connection, sha256)]:
        found.setdefault(source.id, source)
    streamed = await _streamed(connection, {source.remote_id for source in found.values()})
    since = await now(connection) - timedelta(seconds=pool.source_retry_seconds)

    def rank(source: ArtifactSource) -> tuple[bool, bool, datetime]:
        failed_lately = source.failed_at if source.failed_at is not None and source.failed_at > since else None
        is_last = failed_lately is not None or pool.is_away(source.remote_id)
        return is_last, source.remote_id in streamed, failed_lately or since

    return sorted(found.values(), key=rank)


async def _streamed(connection: Connection, remote_ids: Set[UUID]) -> frozenset[UUID]:
    """Return those of some remotes whose bytes are never kept; of a single one, it makes no difference."""
    if len(remote_ids) < 2:
        return frozenset()
    policy = json_field(connection, "remote_revision.document", "policy")
    rows = await fetch(
        connection,
        "SELECT remote.id FROM remote JOIN remote_revision ON remote_revision.remote_id = remote.id"  # noqa: S608
        f" AND remote_revision.number = remote.revision WHERE remote.id IN ({', '.join('?' * len(remote_ids))})"
        f" AND {policy} = '{DownloadPolicy.STREAMED}'",
        [str(remote_id) for remote_id in remote_ids],
    )
    return frozenset(UUID(str(row["id"])) for row in rows)


async def _of_place(connection: Connection, place: Place | None) -> list[ArtifactSource]:
    if place is None:
        return []
    content_id, relative_path = place
    own = ArtifactSource.filter(content_id=content_id, relative_path=relative_path)
    return await own.using_db(connection).order_by("id")


async def _of_digest(connection: Connection, sha256: str | None) -> list[ArtifactSource]:
    if sha256 is None:
        return []
    rows = await fetch(
        connection,
        "SELECT s.* FROM (SELECT content_id, relative_path FROM content_artifact WHERE sha256 = ? LIMIT ?) a"
        " JOIN artifact_source s ON s.content_id = a.content_id AND s.relative_path = a.relative_path ORDER BY s.id",
        [sha256, MAX_PLACES],
    )
    return [model_from(ArtifactSource, row) for row in rows]


async def failed(connection: Connection, pool: RemotePool, source: ArtifactSource, error: HeadboxError) -> None:
    """Note that a source did not give the right bytes, where that is its own fault."""
    if not isinstance(error, FAULTS):
        return
    pool.note(source.remote_id, is_away=isinstance(error, _AWAY))
    await _mark(connection, source, await now(connection), error.message)


async def worked(connection: Connection, pool: RemotePool, source: ArtifactSource) -> None:
    """Note that a source gave the right bytes."""
    pool.note(source.remote_id, is_away=False)
    if source.failed_at is not None:
        await _mark(connection, source, None, None)


async def _mark(connection: Connection, source: ArtifactSource, time: datetime | None, error: str | None) -> None:
    statement = "UPDATE artifact_source SET failed_at = ?, error = ? WHERE id = ?"
    await retrying(lambda: execute(connection, statement, [time, error, source.id]))


def shown_url(source: ArtifactSource) -> str:
    """Return the address of a source as people may see it: without credentials."""
    return safe_url(source.url)
