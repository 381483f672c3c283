"""What a repair has found."""

from __future__ import annotations

from typing import Any

import strawberry
from strawberry import UNSET

from headbox.models import Task as TaskRow
from headbox.resolvers import task as resolver
from headbox.resolvers.paging import Page
from headbox.schema.connection import After, Connection, First, page_arguments
from headbox.schema.enums import ErrorCode
from headbox.schema.info import Info
from headbox.schema.scalars import BigInt

Row = strawberry.Parent[TaskRow]


@strawberry.type(description="An artifact whose bytes are missing or damaged, and that nobody gave again.")
class RepairIssue:
    """Stands over `models.SyncIssue`."""

    code: ErrorCode = strawberry.field(description="What went wrong, for machines; stable.")
    message: str = strawberry.field(description="What went wrong, for people.")
    sha256: str = strawberry.field(description="Digest that the bytes should have.")
    relative_path: str | None = strawberry.field(description="One of the paths that need them.")
    url: str | None = strawberry.field(
        description="Address of the source that failed last; null when no remote is known to have the bytes."
    )
    retryable: bool = strawberry.field(description="Whether another repair may get them with nothing changed.")


def _result(name: str, description: str) -> Any:
    def resolve(root: Row) -> int:
        number: int = root.result.get(name, 0)
        return number

    return strawberry.field(resolver=resolve, graphql_type=BigInt, description=f"{description}, as far as it has come.")


async def _issues(root: Row, info: Info, first: First = UNSET, after: After = UNSET) -> Page[Any]:
    return await resolver.issues(info.context, root, page_arguments(first, after))


#: The fields of `Repair` that tell what it did.
RESULTS: dict[str, Any] = {
    "checked": _result("checked", "Artifacts that it looked at"),
    "checked_bytes": _result("checked_bytes", "Bytes of these artifacts"),
    "damaged": _result("damaged", "Artifacts that were missing or damaged"),
    "repaired": _result("repaired", "Artifacts that are whole again, or could be with `dryRun`: a source is known"),
    "lost": _result("lost", "Artifacts that are not"),
    "issues": strawberry.field(
        resolver=_issues,
        graphql_type=Connection[RepairIssue],
        description="What it could not repair, in the order in which it met them; the first 10,000.",
    ),
}
