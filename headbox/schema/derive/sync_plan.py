"""Plans of the syncs of each type."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry

from headbox.kinds import SyncTask
from headbox.resolvers import sync_plan as resolver
from headbox.schema.derive.parts import Parts
from headbox.schema.errors import Expected
from headbox.schema.info import Info
from headbox.schema.inputs import plain
from headbox.schema.names import field_name, mutation_name
from headbox.schema.sync_plan import SyncPlan


def add_query(parts: Parts, task_type: type[SyncTask[Any, Any]]) -> None:
    """Add the field that computes what a sync of a type would change."""
    name = task_type.__name__
    input_type = parts.task_inputs[field_name(name)].input_type
    argument: Any = Annotated[
        input_type,
        strawberry.argument(
            description="The sync that would be created. What does not bear on content is not looked at: `automation`,"
            " `onError`, `force`, and how the task is called."
        ),
    ]

    async def resolve(info: Info, input: Any) -> dict[str, Any]:
        return {"plan": await resolver.plan(info.context, task_type, plain(input))}

    resolve.__annotations__["input"] = argument
    parts.add_query(
        mutation_name("plan", name),
        strawberry.field(
            resolver=resolve,
            graphql_type=SyncPlan,
            description=f"Compute what a {name} would add, remove and download, and change nothing: only metadata is"
            " fetched. It takes as long as reading the remote's metadata, ends when the client goes away, and is"
            " bounded in time and number.",
            extensions=[Expected(plan=None)],
        ),
    )
