"""The interface of everything that has a global id."""

from __future__ import annotations

from typing import Any

import strawberry
from graphql import GraphQLAbstractType, GraphQLResolveInfo

from headbox.resolvers.ids import GlobalId
from headbox.schema.fields import field
from headbox.schema.info import Info


@strawberry.interface(description="Anything that has an id of its own.")
class Node:
    """Anything that has an id of its own; its types stand over rows, not over instances of themselves."""

    @field(
        description="Global id: stable for ever, opaque, and the same wherever the API shows the thing.",
        graphql_type=strawberry.ID,
    )
    @staticmethod
    def id(root: strawberry.Parent[Any], info: Info) -> str:
        type_name = info.context.types.name_of(root)
        assert type_name is not None, "rows of kinds that no plugin has are never shown"
        return str(GlobalId(type_name, root.id))

    @classmethod
    def resolve_type(cls, row: Any, info: GraphQLResolveInfo[Any], _: GraphQLAbstractType) -> str | None:
        """Return the name of a row's type."""
        name: str | None = info.context.types.name_of(row)
        return name

    @classmethod
    def is_type_of(cls, _row: Any, _info: GraphQLResolveInfo[Any]) -> bool:
        """Take what resolvers return: which type it is, `resolve_type` has said."""
        return True
