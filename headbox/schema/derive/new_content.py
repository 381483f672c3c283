"""Content that clients make of bytes which they brought."""

from __future__ import annotations

from typing import Any

import strawberry

from headbox.kinds import AddTask, ContentUnit, FromUpload, PluginInvalid
from headbox.resolvers import new_content as resolver
from headbox.resolvers.context import Context
from headbox.resolvers.new_content import BYTES, Made
from headbox.schema.derive.classes import input_type, payload_type
from headbox.schema.derive.parts import Parts
from headbox.schema.documents import input_fields
from headbox.schema.enums import OnError
from headbox.schema.errors import UserError, document
from headbox.schema.info import list_of
from headbox.schema.inputs import optional
from headbox.schema.names import list_name, mutation_name
from headbox.services.content import MAX_ITEMS

_SAME = "What is there already is the same content, and no error."


def add_mutations(
    parts: Parts, kind: type[ContentUnit], roles: FromUpload, add_task: type[AddTask[Any]] | None
) -> None:
    """Add the mutations that make units of a kind: one, and many.

    Args:
        parts: Where to.
        kind: The kind.
        roles: How it is made.
        add_task: Type of the tasks that add such units to a repository, or None where there is none.
    """
    name = kind.__name__
    one_input = input_type(
        f"Create{name}Input", f"A {name} to make.", _fields(kind, roles, can_be_added=add_task is not None)
    )
    one_payload = payload_type(
        f"Create{name}Payload",
        "What became of a creation.",
        {
            "content": (parts.types[name] | None, "The content; null when there is none."),
            **_task_field(parts, add_task),
            "errors": (list[UserError], "Why there is none."),
        },
    )
    parts.add_mutation(
        mutation_name("create", name),
        f"Make a {name} of bytes that are here. {_SAME}",
        one_input,
        one_payload,
        lambda context, values: _create(context, kind, values),
    )
    plural = list_name(name)
    plural = f"{plural[:1].upper()}{plural[1:]}"
    parts.add_mutation(
        mutation_name("create", plural),
        f"Make several {name} units of bytes that are here. {_SAME}",
        input_type(f"Create{plural}Input", f"Several {name} units to make.", _many_fields(one_input)),
        payload_type(
            f"Create{plural}Payload",
            "What became of many creations.",
            {
                "results": (
                    list_of(one_payload),
                    "What became of each, in the order of the items; empty when nothing was done.",
                ),
                "errors": (list[UserError], "Why nothing was done; empty where `results` tells."),
            },
        ),
        lambda context, values: _create_many(context, kind, values),
        results=[],
    )


def _task_field(parts: Parts, add_task: type[AddTask[Any]] | None) -> dict[str, Any]:
    if add_task is None:
        return {}
    description = "The task that adds it to the repository; null where none was named."
    return {"task": (parts.types[add_task.__name__] | None, description)}


def _fields(kind: type[ContentUnit], roles: FromUpload, *, can_be_added: bool) -> dict[str, Any]:
    given = input_fields(kind, but=roles.derived)
    if hidden := sorted({*BYTES, "repository"} & given.keys()):
        where = f"{kind.__module__}.{kind.__name__}.{hidden[0]}"
        raise PluginInvalid(f"{where} has the name of a field that the input of every creation has.")
    added = {"repository": (strawberry.ID | None, optional("Repository to add it to, by a task."))}
    return {
        **given,
        **(added if can_be_added else {}),
        "upload": (strawberry.ID | None, optional("Id of the complete upload that brought the bytes.")),
        "sha256": (
            str | None,
            optional("Digest of bytes that are stored, in place of an upload: SHA-256, 64 hexadecimal digits."),
        ),
    }


def _many_fields(one_input: Any) -> dict[str, Any]:
    return {
        "items": (list_of(one_input), strawberry.field(description=f"What to make: at most {MAX_ITEMS}.")),
        "on_error": (
            OnError | None,
            strawberry.field(
                default=OnError.FAIL, description="Whether what is in order is made when something else is not."
            ),
        ),
    }


async def _create(context: Context, kind: type[ContentUnit], values: dict[str, Any]) -> dict[str, Any]:
    made = await resolver.create(context, kind, values)
    return {"content": made.content, "task": made.task}


async def _create_many(context: Context, kind: type[ContentUnit], values: dict[str, Any]) -> dict[str, Any]:
    return {"results": [_result(made) for made in await resolver.create_many(context, kind, values)]}


def _result(made: Made) -> dict[str, Any]:
    return {
        "content": made.content,
        "task": made.task,
        "errors": [document(error, ("input",)) for error in made.errors],
    }
