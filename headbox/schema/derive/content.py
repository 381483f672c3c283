"""Kinds of content."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from headbox.kinds import ContentUnit
from headbox.resolvers import content as resolver
from headbox.resolvers.paging import Page
from headbox.schema.connection import After, First, connection_of, page_arguments
from headbox.schema.content import Content
from headbox.schema.derive.classes import object_type
from headbox.schema.derive.parts import Parts, check_fields
from headbox.schema.documents import description_of, output_fields, read_document
from headbox.schema.filters import ContentFilter
from headbox.schema.info import Info
from headbox.schema.inputs import plain
from headbox.schema.names import list_name


def add(parts: Parts, kind: type[ContentUnit]) -> None:
    """Add the type of a kind of content, and the field that lists it."""
    name = kind.__name__
    check_fields(kind, kind.model_fields, Content)
    fields = output_fields(kind, read_document)
    parts.types[name] = object_type(name, description_of(kind), fields, interface=Content)
    parts.add_query(list_name(name), _list(kind, parts.types[name]))


def _list(kind: type[ContentUnit], api_type: type) -> Any:
    async def resolve(
        info: Info,
        filter: Annotated[ContentFilter | None, strawberry.argument(description="Which of them.")] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> Page[Any]:
        return await resolver.page(
            info.context, page_arguments(first, after), filter=plain(filter) or None, kind=kind.kind
        )

    return strawberry.field(
        resolver=resolve,
        graphql_type=connection_of(api_type),
        description=f"Every {kind.__name__}, in the order of the ids, whether a repository has it or not.",
    )
