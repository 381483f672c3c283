"""Kinds of remotes."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from headbox.kinds import RemoteDocument
from headbox.resolvers import remote as resolver
from headbox.resolvers.context import Context
from headbox.resolvers.paging import Page
from headbox.schema.connection import After, First, connection_of, page_arguments
from headbox.schema.derive.classes import input_type, object_type, payload_type
from headbox.schema.derive.parts import Parts, check_fields
from headbox.schema.documents import description_of, input_fields, output_fields, read_document
from headbox.schema.errors import UserError
from headbox.schema.filters import RemoteFilter
from headbox.schema.info import Info
from headbox.schema.inputs import EXPECTED_REVISION, LABELS, optional, plain
from headbox.schema.names import list_name, mutation_name
from headbox.schema.remote import Remote
from headbox.schema.scalars import JSON

_NAME = "Its name: no other remote has it; 1 to 255 characters."


def add(parts: Parts, kind: type[RemoteDocument]) -> None:
    """Add the type of a kind of remotes, its inputs, the field that lists it, and what changes it."""
    name = kind.__name__
    check_fields(kind, kind.model_fields.keys() - RemoteDocument.model_fields.keys(), Remote)
    fields = output_fields(kind, read_document, but=RemoteDocument.model_fields)
    parts.types[name] = api_type = object_type(name, description_of(kind), fields, interface=Remote)
    parts.references[name] = _reference(kind)
    parts.add_query(list_name(name), _list(kind, api_type))
    _add_mutations(parts, kind, api_type)


def _list(kind: type[RemoteDocument], api_type: type) -> Any:
    async def resolve(
        info: Info,
        filter: Annotated[RemoteFilter | None, strawberry.argument(description="Which of them.")] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> Page[Any]:
        arguments = page_arguments(first, after)
        return await resolver.page(info.context, arguments, filter=plain(filter) or None, kind=kind.kind)

    return strawberry.field(
        resolver=resolve,
        graphql_type=connection_of(api_type),
        description=f"Every {kind.__name__}, by name.",
    )


def _new_fields(kind: type[RemoteDocument]) -> dict[str, Any]:
    return {
        "name": (str, strawberry.field(description=_NAME)),
        "labels": (JSON | None, optional(LABELS)),
        **input_fields(kind),
    }


def _reference(kind: type[RemoteDocument]) -> type:
    name = kind.__name__
    create = input_type(f"{name}Input", f"A {name} to create together with what uses it.", _new_fields(kind))
    return input_type(
        f"{name}Ref",
        f"A {name}: one that exists, or one to create.",
        {
            "id": (strawberry.ID | None, optional("Id of one that exists.")),
            "create": (create | None, optional("One to create.")),
        },
        one_of=True,
    )


def _add_mutations(parts: Parts, kind: type[RemoteDocument], api_type: type) -> None:
    name = kind.__name__

    async def create(context: Context, values: dict[str, Any]) -> dict[str, Any]:
        return {"remote": await resolver.create(context, kind, values)}

    async def update(context: Context, values: dict[str, Any]) -> dict[str, Any]:
        return {"remote": await resolver.update(context, kind, values)}

    parts.add_mutation(
        mutation_name("create", name),
        f"Create a {name}.",
        input_type(f"Create{name}Input", f"A {name} to create.", _new_fields(kind)),
        payload_type(
            f"Create{name}Payload",
            "What became of a creation.",
            {
                "remote": (api_type | None, "The remote; null when there is none."),
                "errors": (list[UserError], "Why it was not created."),
            },
        ),
        create,
    )
    changes = {
        "id": (strawberry.ID, strawberry.field(description="Id of the remote.")),
        "expected_revision": (int | None, optional(EXPECTED_REVISION)),
        "name": (str | None, optional(_NAME)),
        "labels": (JSON | None, optional(f"{LABELS} All of them: what is not here is taken away.")),
        **input_fields(kind, is_update=True),
    }
    parts.add_mutation(
        mutation_name("update", name),
        f"Change a {name}: it gets a new revision. Tasks keep the revision that they were created with.",
        input_type(f"Update{name}Input", f"Changes of a {name}; what is left out stays as it is.", changes),
        payload_type(
            f"Update{name}Payload",
            "What became of an update.",
            {
                "remote": (api_type | None, "The remote; null when nothing was changed."),
                "errors": (list[UserError], "Why nothing was changed."),
            },
        ),
        update,
    )
