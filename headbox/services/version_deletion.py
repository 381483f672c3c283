"""Deleting repository versions, and how many are kept.

A version is a row; what it holds, the memberships tell by intervals of numbers. So the one behind a deleted version
need not be written anew: it tells the difference to the one before that. Only what stood in the deleted version alone
goes, and two intervals that nothing lies between any more become one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any
from uuid import UUID

from headbox.errors import InUse, Invalid, LimitExceeded
from headbox.models import Distribution, Publication, Repository, RepositoryVersion
from headbox.models.database import Connection, execute, fetch, lock_name
from headbox.services.rows import locked
from headbox.tasking.engine import UnitOfWork

#: Most versions that one new version lets go; the next one lets go of more.
MAX_RETIRED = 100
#: Most versions whose deletion is planned at a time.
MAX_PLANNED = 10_000

#: Versions that distributions are pinned to, or to publications of them, or that they serve.
_USED = (
    "SELECT repository_version_id FROM distribution WHERE repository_version_id IS NOT NULL"
    " UNION SELECT publication.repository_version_id FROM distribution"
    " JOIN publication ON publication.id = distribution.publication_id"
    " UNION SELECT publication.repository_version_id FROM distribution"
    " JOIN publication ON publication.id = distribution.serving_id"
)


@dataclass(frozen=True, slots=True)
class DeletionPlan:
    """What the deletion of versions would come to.

    Attributes:
        versions: Those that would be deleted, by number.
        kept: Those that would stay because something of them is served or pinned, or because one is the latest.
        units: Content units that no version of any repository would hold any more.
        size: Bytes that nothing would need any more, once the garbage is collected.
    """

    versions: tuple[RepositoryVersion, ...] = ()
    kept: tuple[RepositoryVersion, ...] = ()
    units: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class _Gap:
    """Where a version was deleted: numbers of the versions around it, the lower one -1 where there is none."""

    repository_id: UUID
    before: int
    after: int


async def delete(work: UnitOfWork, version: RepositoryVersion) -> RepositoryVersion:
    """Delete a version and its publications; the others hold what they held.

    Raises:
        InUse: It is the latest one, or something of it is served or pinned.
    """
    # In this order, as those who make versions do.
    await _keep_out(work.connection, version.repository_id)
    repository = await locked(work.connection, await Repository.get(id=version.repository_id, using_db=work.connection))
    version = await locked(work.connection, version)
    name = f"{repository.name}, version {version.number}"
    if version.number == repository.latest_number:
        hint = "Make another version first."
        raise InUse(
            what="repository version", name=name, users="the repository: it is its latest", path=("id",), hint=hint
        )
    if serving := await _users(work.connection, version.id):
        names = ", ".join(repr(name) for name in serving[:5])
        raise InUse(what="repository version", name=name, users=f"the distributions {names}", path=("id",))
    await _delete(work.connection, version)
    work.repository_changed(repository.id)
    return version


async def retire(connection: Connection, repository: Repository) -> int:
    """Delete the oldest versions of a repository that has more than it is to keep; return how many.

    What is served or pinned stays, and counts.

    Args:
        connection: Inside of the transaction that has made a version; nobody else makes or deletes one meanwhile.
        repository: Which; its latest version is never deleted.
    """
    if repository.retain_versions is None:
        return 0
    surplus = await fetch(
        connection,
        "SELECT id FROM repository_version WHERE repository_id = ? AND number < ("  # noqa: S608
        "   SELECT MIN(number) FROM (SELECT number FROM repository_version WHERE repository_id = ?"
        f"   ORDER BY number DESC LIMIT ?) AS kept) AND id NOT IN ({_USED}) ORDER BY number LIMIT ?",
        [str(repository.id), str(repository.id), repository.retain_versions, MAX_RETIRED],
    )
    if not surplus:
        return 0
    await _keep_out(connection, repository.id)
    retired = 0
    for row in surplus:
        # Read one by one: deleting one changes the one behind it. A client may have deleted it a moment ago.
        version = await RepositoryVersion.get_or_none(id=row["id"], using_db=connection)
        if version and not await _users(connection, version.id):
            await _delete(connection, version)
            retired += 1
    return retired


async def _keep_out(connection: Connection, repository_id: UUID) -> None:
    """Wait for whoever has versions of a repository kept, and let nobody else; see `services.version.keep_all`."""
    await lock_name(connection, "versions", str(repository_id))


async def plan_retention(connection: Connection, repository: Repository, versions: int) -> DeletionPlan:
    """Return what it would come to if a repository were to keep so many versions.

    Raises:
        Invalid: It is less than one.
        LimitExceeded: Too many would go to be planned together.
    """
    if versions < 1:
        raise Invalid(field="retain_versions", reason="at least one version is kept", path=("retain_versions",))
    newest_first = RepositoryVersion.filter(repository_id=repository.id).using_db(connection).order_by("-number")
    surplus = await newest_first.offset(versions).limit(MAX_PLANNED + 1)
    if len(surplus) > MAX_PLANNED:
        hint = "Keep more of them, or name some to delete."
        raise LimitExceeded(
            what="The number of versions that would go", limit=MAX_PLANNED, path=("retain_versions",), hint=hint
        )
    return await plan(connection, repository, surplus)


async def plan(connection: Connection, repository: Repository, versions: Sequence[RepositoryVersion]) -> DeletionPlan:
    """Return what it would come to if some versions of a repository were deleted."""
    deleted: list[RepositoryVersion] = []
    kept: list[RepositoryVersion] = []
    used = await _used(connection, repository)
    for version in sorted(versions, key=attrgetter("number")):
        stays = version.number == repository.latest_number or version.id in used
        (kept if stays else deleted).append(version)
    if not deleted:
        return DeletionPlan(kept=tuple(kept))
    marks = ", ".join("?" * len(deleted))
    # Units that only such versions hold, and of their bytes those that no other unit and no publication needs.
    [row] = await fetch(
        connection,
        "WITH lost AS (SELECT DISTINCT gone.content_id FROM membership gone WHERE gone.repository_id = ?"  # noqa: S608
        "   AND gone.removed_in IS NOT NULL AND NOT EXISTS (SELECT 1 FROM membership member"
        "     LEFT JOIN repository holder ON holder.id = member.repository_id"
        "     WHERE member.content_id = gone.content_id AND holder.id IS NOT NULL AND (member.repository_id <> ?"
        "     OR EXISTS (SELECT 1 FROM repository_version version WHERE version.repository_id = member.repository_id"
        f"       AND version.id NOT IN ({marks}) AND version.number >= member.added_in"
        "       AND (member.removed_in IS NULL OR version.number < member.removed_in)))))"
        " SELECT (SELECT COUNT(*) FROM lost) AS units, (SELECT COALESCE(SUM(artifact.size), 0) FROM artifact"
        "   WHERE artifact.sha256 IN (SELECT sha256 FROM content_artifact"
        "     WHERE content_artifact.content_id IN (SELECT content_id FROM lost))"
        "   AND NOT EXISTS (SELECT 1 FROM content_artifact other WHERE other.sha256 = artifact.sha256"
        "     AND other.content_id NOT IN (SELECT content_id FROM lost))"
        "   AND NOT EXISTS (SELECT 1 FROM published_file WHERE published_file.sha256 = artifact.sha256)) AS size",
        [str(repository.id), str(repository.id), *(str(version.id) for version in deleted)],
    )
    return DeletionPlan(tuple(deleted), tuple(kept), row["units"], int(row["size"]))


async def _used(connection: Connection, repository: Repository) -> set[UUID]:
    """Return the ids of the versions that something of is served or pinned."""
    statement = f"SELECT id FROM repository_version WHERE repository_id = ? AND id IN ({_USED})"  # noqa: S608
    return {UUID(str(row["id"])) for row in await fetch(connection, statement, [str(repository.id)])}


async def _users(connection: Connection, version_id: UUID) -> list[str]:
    """Return the names of the distributions that are pinned to a version, or to a publication of it, or serve one."""
    of_version = Publication.filter(repository_version_id=version_id).using_db(connection)
    publications = [row["id"] for row in await of_version.values("id")]
    pinned = await Distribution.filter(repository_version_id=version_id).using_db(connection).values("name")
    for column in ("publication_id__in", "serving_id__in"):
        if publications:
            pinned += await Distribution.filter(**{column: publications}).using_db(connection).values("name")
    return sorted({row["name"] for row in pinned})


async def _delete(connection: Connection, version: RepositoryVersion) -> None:
    after = (
        await RepositoryVersion.filter(repository_id=version.repository_id, number__gt=version.number)
        .using_db(connection)
        .order_by("number")
        .first()
    )
    assert after is not None, "the latest version is never deleted"
    before = -1 if version.previous_number is None else version.previous_number
    gap = _Gap(version.repository_id, before, after.number)
    await _join(connection, gap)
    await execute(
        connection,
        "DELETE FROM membership WHERE repository_id = ? AND removed_in > ? AND removed_in <= ? AND added_in > ?",
        [str(gap.repository_id), gap.before, gap.after, gap.before],
    )
    await version.delete(using_db=connection)
    after.previous_number = version.previous_number
    await _summarise(connection, after, gap)


async def _join(connection: Connection, gap: _Gap) -> None:
    """Make one interval of two that only deleted versions lie between."""
    rows = await fetch(
        connection,
        "SELECT earlier.id AS earlier, later.id AS later, later.removed_in, later.size FROM membership earlier"
        " JOIN membership later ON later.repository_id = earlier.repository_id"
        "  AND later.content_id = earlier.content_id AND later.added_in >= earlier.removed_in"
        "  AND later.added_in <= ? AND (later.removed_in IS NULL OR later.removed_in > ?)"
        " WHERE earlier.repository_id = ? AND earlier.removed_in > ? AND earlier.removed_in <= ?"
        "  AND earlier.added_in <= ?",
        [gap.after, gap.after, str(gap.repository_id), gap.before, gap.after, gap.before],
    )
    for row in rows:
        # In this order: a unit has one open interval at a time.
        await execute(connection, "DELETE FROM membership WHERE id = ?", [row["later"]])
        await execute(
            connection,
            # Later versions count it as it was when it came back.
            "UPDATE membership SET removed_in = ?, size = ? WHERE id = ?",
            [row["removed_in"], row["size"], row["earlier"]],
        )


async def _summarise(connection: Connection, after: RepositoryVersion, gap: _Gap) -> None:
    """Count what the version behind a gap changes now."""
    counts: dict[str, dict[str, int]] = {
        kind: numbers | {"added": 0, "removed": 0} for kind, numbers in after.by_kind.items() if numbers["present"]
    }
    if gap.before < 0:
        # Nothing is before it: what it holds, it added.
        for numbers in counts.values():
            numbers["added"] = numbers["present"]
    else:
        for change in ("added", "removed"):
            rows = await _changed(connection, gap, change)
            for row in rows:
                counts.setdefault(row["kind"], {"present": 0, "added": 0, "removed": 0, "size": 0})[change] = row[
                    "units"
                ]
    after.by_kind = counts
    after.added = sum(numbers["added"] for numbers in counts.values())
    after.removed = sum(numbers["removed"] for numbers in counts.values())
    await after.save(using_db=connection, update_fields=["previous_number", "by_kind", "added", "removed"])


async def _changed(connection: Connection, gap: _Gap, change: str) -> list[dict[str, Any]]:
    return await fetch(
        connection,
        "SELECT content.kind, COUNT(*) AS units FROM membership JOIN content ON content.id = membership.content_id"  # noqa: S608
        f" WHERE membership.repository_id = ? AND membership.{change}_in > ? AND membership.{change}_in <= ?"
        " GROUP BY content.kind",
        [str(gap.repository_id), gap.before, gap.after],
    )
