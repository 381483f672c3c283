"""Rows that belong to what was deleted, a few at a time: whoever deletes something does not wait for them.

Nobody sees them any more: they are found only through what they belonged to.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from headbox.models.database import Connection, execute, fetch, retrying

#: Rows that are deleted in one transaction.
BATCH = 2000
#: Sources that are looked at by one statement.
WINDOW = 20_000

#: Table, column, and the table of what they belong to; an index begins with the column.
_BELONGINGS = (
    ("membership", "repository_id", "repository"),
    ("published_file", "publication_id", "publication"),
)


async def delete_some(connection: Connection) -> int:
    """Delete some rows of repositories and publications that are no more, and return how many; 0 when none is left.

    Args:
        connection: Outside of a transaction.
    """
    for table, column, owner in _BELONGINGS:
        if deleted := await _deleted_owner(connection, table, column, owner):
            statement = (
                f"DELETE FROM {table} WHERE id IN"  # noqa: S608
                f" (SELECT id FROM {table} WHERE {column} = ? ORDER BY {column} LIMIT {BATCH})"
            )
            return await retrying(lambda: execute(connection, statement, [str(deleted)]))  # noqa: B023 - done at once
    return 0


async def _deleted_owner(connection: Connection, table: str, column: str, owner: str) -> UUID | str | None:
    """Return the id of something that is no more and has rows in a table.

    Neither database has a way to go from one value of an index to the next other than this.
    """
    rows = await fetch(
        connection,
        f"WITH RECURSIVE owner(id) AS (SELECT * FROM (SELECT {column} FROM {table} ORDER BY {column} LIMIT 1) least"  # noqa: S608
        f" UNION ALL SELECT (SELECT {column} FROM {table} WHERE {column} > owner.id ORDER BY {column} LIMIT 1)"
        " FROM owner WHERE owner.id IS NOT NULL)"
        " SELECT id FROM owner WHERE id IS NOT NULL"
        f" AND NOT EXISTS (SELECT 1 FROM {owner} WHERE {owner}.id = owner.id) LIMIT 1",
    )
    return rows[0]["id"] if rows else None


async def delete_unfinished(connection: Connection) -> int:
    """Delete some of what tasks added to versions that never became visible, and return how much of it.

    Of repositories that no task claims: the next one takes back what is left. In one statement, so that whoever's work
    it sees, it also sees the claim of.
    """
    statement = (
        "DELETE FROM membership WHERE id IN (SELECT membership.id FROM repository"  # noqa: S608
        " JOIN membership ON membership.repository_id = repository.id"
        " AND membership.added_in > repository.latest_number WHERE NOT EXISTS (SELECT 1 FROM task_claim"
        f" WHERE task_claim.resource = 'repository:' || CAST(repository.id AS VARCHAR(36))) LIMIT {BATCH})"
    )
    return await retrying(lambda: execute(connection, statement))


async def delete_remotes(connection: Connection, before: datetime) -> int:
    """Delete remotes, with their revisions, that were deleted before a time and that nothing needs; return how many.

    What needs them: content whose bytes they can give, and tasks that are remembered.
    """
    candidates = (
        " FROM remote WHERE deleted_at <= ? AND NOT EXISTS (SELECT 1 FROM task JOIN remote_revision revision"
        " ON revision.id = task.remote_revision_id WHERE revision.remote_id = remote.id)"
    )
    found = await fetch(connection, f"SELECT id {candidates}", [before])
    unused = {str(row["id"]) for row in found}
    if unused:
        unused -= await _source_remotes(connection)
    if not unused:
        return 0
    marks = ", ".join("?" * len(unused))
    # New sources are made by tasks alone.
    statement = f"DELETE FROM remote WHERE id IN ({marks}) AND id IN (SELECT id {candidates})"  # noqa: S608
    return await retrying(lambda: execute(connection, statement, [*sorted(unused), before]))


async def _source_remotes(connection: Connection) -> set[str]:
    """Return the ids of the remotes that bytes of content can be fetched from."""
    found: set[str] = set()
    last = 0
    while rows := await fetch(
        connection,
        "SELECT remote_id, MAX(id) AS last FROM"
        " (SELECT id, remote_id FROM artifact_source WHERE id > ? ORDER BY id LIMIT ?) AS source GROUP BY remote_id",
        [last, WINDOW],
    ):
        found |= {str(row["remote_id"]) for row in rows}
        last = max(row["last"] for row in rows)
    return found
