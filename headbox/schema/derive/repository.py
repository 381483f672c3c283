"""Kinds of repositories."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from headbox.kinds import RepositoryDocument
from headbox.resolvers import repository as resolver
from headbox.resolvers.context import Context
from headbox.resolvers.paging import Page
from headbox.schema.connection import After, First, connection_of, page_arguments
from headbox.schema.derive.classes import input_type, object_type, payload_type
from headbox.schema.derive.parts import Parts, check_fields
from headbox.schema.distribution import Distribution, NewDistributionInput
from headbox.schema.documents import description_of, input_fields, output_fields, read_document
from headbox.schema.enums import Automation, SyncMode
from headbox.schema.errors import UserError
from headbox.schema.filters import RepositoryFilter
from headbox.schema.info import Info
from headbox.schema.inputs import EXPECTED_REVISION, LABELS, optional, plain
from headbox.schema.names import list_name, mutation_name
from headbox.schema.repository import Repository
from headbox.schema.scalars import JSON

_NAME = "Its name: no other repository has it; 1 to 255 characters."
_DESCRIPTION = "What it is for."
_REMOTE = "Where it syncs from."
_SETTINGS = "How its versions are published; by the defaults when left out."
_AUTOMATION = "How far every new version goes by itself."
_SYNC_MODE = "What a sync does with units that the remote no longer holds."
_REQUIRE_COMPLETE = (
    "Whether it is published only while it has no open issues: while nothing is missing that its syncs left out."
)
_RETAIN = (
    "How many versions are kept, at least 1; all when null. Older ones go whenever a new one is made, but for those"
    " that are served or pinned."
)


def add_type(parts: Parts, kind: type[RepositoryDocument]) -> None:
    """Add the type of a kind of repositories, and the field that lists it."""
    name = kind.__name__
    check_fields(kind, kind.model_fields, Repository)
    fields = output_fields(kind, read_document)
    parts.types[name] = object_type(name, description_of(kind), fields, interface=Repository)
    parts.add_query(list_name(name), _list(kind, parts.types[name]))


def _list(kind: type[RepositoryDocument], api_type: type) -> Any:
    async def resolve(
        info: Info,
        filter: Annotated[RepositoryFilter | None, strawberry.argument(description="Which of them.")] = UNSET,
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


def add_mutations(parts: Parts, kind: type[RepositoryDocument], sync_task: type | None) -> None:
    """Add what changes a kind of repositories.

    Args:
        parts: Where to.
        kind: The kind.
        sync_task: Type of the tasks that sync it, or None when it never syncs.
    """
    name = kind.__name__

    async def create(context: Context, values: dict[str, Any]) -> dict[str, Any]:
        created = await resolver.create(context, kind, values)
        return {"repository": created.repository, "distributions": created.distributions, "task": created.task}

    async def update(context: Context, values: dict[str, Any]) -> dict[str, Any]:
        return {"repository": await resolver.update(context, kind, values)}

    parts.add_mutation(
        mutation_name("create", name),
        f"Create a {name} with all that the input names; all of it or nothing.",
        input_type(f"Create{name}Input", f"A {name} to create.", _new_fields(parts, kind, sync_task)),
        _created_payload(name, parts.types[name], sync_task),
        create,
        distributions=[],
    )
    parts.add_mutation(
        mutation_name("update", name),
        f"Change a {name}. Tasks that were created before are not touched.",
        input_type(
            f"Update{name}Input", f"Changes of a {name}; what is left out stays as it is.", _changed_fields(parts, kind)
        ),
        payload_type(
            f"Update{name}Payload",
            "What became of an update.",
            {
                "repository": (parts.types[name] | None, "The repository; null when nothing was changed."),
                "errors": (list[UserError], "Why nothing was changed."),
            },
        ),
        update,
    )


def _created_payload(name: str, api_type: type, sync_task: type | None) -> type:
    fields: dict[str, Any] = {
        "repository": (api_type | None, "The repository; null when there is none."),
        "distributions": (list[Distribution], "The distributions that were created with it, as the input named them."),
    }
    if sync_task:
        fields["task"] = (sync_task | None, "The first sync; null when none was asked for.")
    fields["errors"] = (list[UserError], "Why it was not created.")
    return payload_type(f"Create{name}Payload", "What became of a creation.", fields)


def _reference_fields(parts: Parts, kind: type[RepositoryDocument]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if kind.remote_type:
        fields["remote"] = (parts.references[kind.remote_type.__name__] | None, optional(_REMOTE))
    if kind.settings_type:
        fields["publish_settings"] = (parts.references[kind.settings_type.__name__] | None, optional(_SETTINGS))
    return fields


def _new_fields(parts: Parts, kind: type[RepositoryDocument], sync_task: type | None) -> dict[str, Any]:
    fields = {
        "name": (str, strawberry.field(description=_NAME)),
        "description": (str | None, optional(_DESCRIPTION)),
        "labels": (JSON | None, optional(LABELS)),
        **_reference_fields(parts, kind),
        "distributions": (
            list[NewDistributionInput] | None,
            optional("Distributions to create that follow it, at most 50."),
        ),
        "automation": (Automation | None, strawberry.field(default=Automation.NONE, description=_AUTOMATION)),
        "sync_mode": (SyncMode | None, strawberry.field(default=SyncMode.ADDITIVE, description=_SYNC_MODE)),
        "retain_versions": (int | None, optional(_RETAIN)),
        "require_complete": (bool | None, strawberry.field(default=False, description=_REQUIRE_COMPLETE)),
        **input_fields(kind),
    }
    if sync_task:
        started = "Whether to start the first sync with it: a served mirror in one request."
        fields["sync"] = (bool | None, strawberry.field(default=False, description=started))
    return fields


def _changed_fields(parts: Parts, kind: type[RepositoryDocument]) -> dict[str, Any]:
    return {
        "id": (strawberry.ID, strawberry.field(description="Id of the repository.")),
        "expected_revision": (int | None, optional(EXPECTED_REVISION)),
        "name": (str | None, optional(_NAME)),
        "description": (str | None, optional(_DESCRIPTION)),
        "labels": (JSON | None, optional(f"{LABELS} All of them: what is not here is taken away.")),
        **_reference_fields(parts, kind),
        "automation": (Automation | None, optional(_AUTOMATION)),
        "sync_mode": (SyncMode | None, optional(_SYNC_MODE)),
        "retain_versions": (int | None, optional(_RETAIN)),
        "require_complete": (bool | None, optional(_REQUIRE_COMPLETE)),
        **input_fields(kind, is_update=True),
    }
