"""Anything by its global id."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import strawberry

from headbox.errors import LimitExceeded
from headbox.schema.fields import field
from headbox.schema.info import Info
from headbox.schema.node import Node

#: Most nodes that are asked for at a time.
MAX_NODES = 100


@strawberry.type
class NodeQueries:
    """Where anything is found."""

    @field(description="The node with an id; null where there is none.", graphql_type=Node | None)
    async def node(self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")]) -> Any:
        return await info.context.node(id)

    @field(
        description="The nodes with these ids, in their order; null where there is none.",
        graphql_type=list[Node | None],
    )
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="Their ids, at most 100.")],
    ) -> list[Any]:
        if len(ids) > MAX_NODES:
            raise LimitExceeded(what="The number of ids", limit=MAX_NODES, path=("ids",))
        return await asyncio.gather(*(info.context.node(id_) for id_ in ids))
