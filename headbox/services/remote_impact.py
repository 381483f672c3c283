"""What depends on a remote: files that nobody else could give, and who would miss them."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from headbox.models import Remote
from headbox.models.database import Connection, fetch

#: Most repositories, and most distributions, that are told of.
MAX_CONCERNED = 10_000

#: The places of artifacts that are not stored, that only one remote gives, and that a version of some repository needs.
#: One parameter: the remote.
_ALONE = """
    WITH alone AS MATERIALIZED (
        SELECT place.content_id, place.relative_path, place.sha256, place.size
        FROM artifact_source own
        JOIN content_artifact place
            ON place.content_id = own.content_id AND place.relative_path = own.relative_path
        LEFT JOIN artifact ON artifact.sha256 = place.sha256 AND artifact.damaged_at IS NULL
        WHERE own.remote_id = ? AND artifact.sha256 IS NULL
        AND NOT EXISTS (
            SELECT 1 FROM artifact_source other WHERE other.content_id = own.content_id
            AND other.relative_path = own.relative_path AND other.remote_id <> own.remote_id
        )
        AND NOT EXISTS (
            SELECT 1 FROM content_artifact twin JOIN artifact_source other
            ON other.content_id = twin.content_id AND other.relative_path = twin.relative_path
            WHERE twin.sha256 = place.sha256 AND other.remote_id <> own.remote_id
        )
        AND EXISTS (
            SELECT 1 FROM membership JOIN repository ON repository.id = membership.repository_id
            WHERE membership.content_id = own.content_id
        )
    )
"""


@dataclass(frozen=True, slots=True)
class RemoteImpact:
    """What depends on a remote.

    Attributes:
        artifacts: Artifacts that are not stored and that only it gives.
        size: Bytes of those whose sizes are known.
        unknown_sizes: How many there are whose sizes are not.
        repositories: The repositories that sync from it, or have such an artifact in any version.
        distributions: The distributions that serve such an artifact now.
    """

    artifacts: int
    size: int
    unknown_sizes: int
    repositories: tuple[UUID, ...]
    distributions: tuple[UUID, ...]


async def impact(connection: Connection, remote: Remote) -> RemoteImpact:
    """Return what depends on a remote; looks at all that it ever declared."""
    remote_id = str(remote.id)
    [row] = await fetch(
        connection,
        f"{_ALONE} SELECT COUNT(*) AS artifacts, COALESCE(SUM(size), 0) AS size,"  # noqa: S608
        " COUNT(CASE WHEN size IS NULL THEN 1 END) AS unknown_sizes FROM (SELECT size FROM alone"
        " GROUP BY COALESCE(sha256, CAST(content_id AS TEXT) || '/' || relative_path), size) AS artifacts",
        [remote_id],
    )
    return RemoteImpact(
        row["artifacts"],
        int(row["size"]),
        row["unknown_sizes"],
        await _ids(
            connection,
            f"{_ALONE} SELECT id FROM repository WHERE remote_id = ? OR EXISTS (SELECT 1 FROM membership"  # noqa: S608
            " JOIN alone ON alone.content_id = membership.content_id WHERE membership.repository_id = repository.id)",
            [remote_id, remote_id],
        ),
        await _ids(
            connection,
            f"{_ALONE} SELECT distribution.id FROM distribution"  # noqa: S608
            " JOIN publication ON publication.id = distribution.serving_id"
            " JOIN repository_version version ON version.id = publication.repository_version_id"
            " WHERE EXISTS (SELECT 1 FROM membership JOIN alone ON alone.content_id = membership.content_id"
            " WHERE membership.repository_id = version.repository_id AND membership.added_in <= version.number"
            " AND (membership.removed_in IS NULL OR membership.removed_in > version.number))",
            [remote_id],
        ),
    )


async def _ids(connection: Connection, statement: str, parameters: list[str]) -> tuple[UUID, ...]:
    rows = await fetch(connection, f"{statement} LIMIT {MAX_CONCERNED}", parameters)
    return tuple(UUID(str(row["id"])) for row in rows)
