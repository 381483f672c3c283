"""What a garbage collection deletes, and would delete."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from headbox.models import Task as TaskRow
from headbox.resolvers import garbage as resolver
from headbox.schema.errors import Expected, UserError
from headbox.schema.info import Info
from headbox.schema.inputs import optional, plain
from headbox.schema.scalars import BigInt
from headbox.services.survey import Found


@strawberry.input(description="A garbage collection to plan.")
class PlanGarbageCollectionInput:
    """See `kinds.GarbageCollection`."""

    grace_seconds: float | None = optional(
        "How long nothing must have needed what is deleted, in seconds; as the settings say when left out."
    )


@strawberry.type(description="What a garbage collection would delete now, counted with nothing changed.")
class GarbagePlan:
    """Stands over the fields of `services.survey.Found`."""

    units: BigInt = strawberry.field(description="Content units that no repository version holds.")
    artifacts: BigInt = strawberry.field(description="Artifacts that nothing would need then.")
    files: BigInt = strawberry.field(
        description="Files in the storage that the database does not know of: what killed processes left."
    )
    freed_bytes: BigInt = strawberry.field(description="Bytes of the artifacts and the files.")
    waiting_units: BigInt = strawberry.field(
        description="Content units that no repository version holds, either, but not yet for as long as the grace."
    )
    is_complete: bool = strawberry.field(
        description="False when not everything was looked at within ten seconds: then there is at least so much. A"
        " GarbageCollection with `dryRun` counts all."
    )
    errors: list[UserError] = strawberry.field(description="Why there is no plan.")


async def _plan(
    info: Info,
    input: Annotated[PlanGarbageCollectionInput | None, strawberry.argument(description="Which collection.")] = UNSET,
) -> dict[str, Any]:
    return await resolver.plan(info.context, plain(input) or {})


@strawberry.type
class GarbageQueries:
    """Where plans are found."""

    plan_garbage_collection: GarbagePlan = strawberry.field(
        resolver=_plan,
        graphql_type=GarbagePlan,
        description="What a garbage collection would delete now.",
        extensions=[Expected(**resolver.shown(Found(is_complete=False)))],
    )


_OR_COUNTED = ", or would have with `dryRun`; null until it is done."


def _result(name: str, description: str) -> Any:
    def resolve(root: strawberry.Parent[TaskRow]) -> int | None:
        return root.result.get(name)

    return strawberry.field(resolver=resolve, graphql_type=BigInt | None, description=description)


#: The fields of `GarbageCollection` that tell what it did.
RESULTS: dict[str, Any] = {
    "deleted_units": _result("deleted_units", f"Content units that it deleted{_OR_COUNTED}"),
    "deleted_artifacts": _result("deleted_artifacts", f"Artifacts that it deleted{_OR_COUNTED}"),
    "deleted_files": _result(
        "deleted_files", f"Files in the storage that the database did not know of, and that it deleted{_OR_COUNTED}"
    ),
    "freed_bytes": _result("freed_bytes", f"Bytes of the artifacts and the files that it deleted{_OR_COUNTED}"),
}
