"""Names in place of ids: `--repository centos` for what the API knows by its global id."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLNonNull, GraphQLSchema, GraphQLString, is_required_argument

from headbox.cli.client import Client
from headbox.cli.derived.operations import kebab
from headbox.cli.failures import Failure


@dataclass(frozen=True, slots=True)
class Lookup:
    """A query that finds a node by a name.

    Attributes:
        field: Name of the root field, such as "repository".
        argument: Name of its only argument, such as "name".
    """

    field: str
    argument: str

    @property
    def noun(self) -> str:
        """What is looked up, in words."""
        return kebab(self.field).replace("-", " ")

    @property
    def key(self) -> str:
        """What it is looked up by, in words."""
        return kebab(self.argument).replace("-", " ")


@dataclass(frozen=True, slots=True)
class Reference:
    """What somebody wrote where an id is needed: a global id, or a name that a query finds."""

    text: str
    lookup: Lookup


def lookups(schema: GraphQLSchema) -> Mapping[str, Lookup]:
    """Return the queries of a schema that find a node by a name, by the names of the root fields."""
    found = {}
    for name, field in schema.query_type.fields.items() if schema.query_type else ():
        required = [(key, argument) for key, argument in field.args.items() if is_required_argument(argument)]
        if len(required) == 1 and isinstance(required[0][1].type, GraphQLNonNull):
            key, argument = required[0]
            if argument.type.of_type is GraphQLString:
                found[name] = Lookup(name, key)
    return found


def is_global_id(text: str) -> bool:
    """Tell whether a text is a global id: Base64 of a type's name, a colon and a key.

    Source: GraphQL Global Object Identification; the encoding is that of Relay's reference server.
    """
    try:
        name, colon, key = base64.b64decode(text, validate=True).decode("ascii").partition(":")
    except (binascii.Error, ValueError):
        return False
    return bool(colon and key) and name.isidentifier()


async def resolved(client: Client, value: Any) -> Any:
    """Return a value with an id in place of each reference in it.

    Raises:
        Failure: A name belongs to nothing.
    """
    if isinstance(value, Reference):
        return await _id(client, value)
    if isinstance(value, dict):
        return {name: await resolved(client, item) for name, item in value.items()}
    if isinstance(value, list):
        return [await resolved(client, item) for item in value]
    return value


async def _id(client: Client, reference: Reference) -> str:
    if is_global_id(reference.text):
        return reference.text
    lookup = reference.lookup
    document = f"query Find($key: String!) {{ {lookup.field}({lookup.argument}: $key) {{ id }} }}"
    found = (await client.execute(document, {"key": reference.text}))[lookup.field]
    if found is None:
        raise Failure(
            f"There is no {lookup.noun} {reference.text!r}.",
            hint=f"Give its {lookup.key} or its id; `headbox {kebab(lookup.field)} list` shows them.",
        )
    return str(found["id"])
