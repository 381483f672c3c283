"""Names in place of ids: `--repository centos` for what the API knows by its global id.

A version of a repository is named by the repository and its number, `centos@3`, or by the repository alone when it is
the latest.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLNonNull, GraphQLSchema, GraphQLString, get_named_type, is_required_argument

from headbox.cli.derived.names import listing
from headbox.cli.derived.operations import Composite, kebab
from headbox.cli.failures import Failure
from headbox.client import Client

#: What inputs call the id of a version of a repository.
_VERSION_FIELDS = ("repositoryVersion", "versions", "base", "source", "from", "to")
#: The number of a version: a whole number of 64 bits.
_NUMBER = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Lookup:
    """A query that finds a node by a name.

    Attributes:
        field: Name of the root field, such as "repository".
        argument: Name of its only argument, such as "name".
        listing: The document that lists the names which begin with a text, or None.
    """

    field: str
    argument: str
    listing: str | None = None

    @property
    def metavar(self) -> str:
        """How it is written where either will do."""
        return "NAME_OR_ID"

    @property
    def noun(self) -> str:
        """What is looked up, in words."""
        return kebab(self.field).replace("-", " ")

    @property
    def key(self) -> str:
        """What it is looked up by, in words."""
        return kebab(self.argument).replace("-", " ")

    def name_in(self, text: str) -> str:
        """Return the name that a text begins with."""
        return text

    def question(self, text: str) -> tuple[str, dict[str, Any]]:
        """Return the document that finds what is named so, and its variables."""
        return f"query Find($key: String!) {{ found: {self.field}({self.argument}: $key) {{ id }} }}", {"key": text}

    def answer(self, found: dict[str, Any]) -> str | None:
        """Return the id in what the document found; None where it is not there."""
        return str(found["id"])


@dataclass(frozen=True, slots=True)
class VersionLookup(Lookup):
    """The query that finds a version of a repository: by NAME@NUMBER, or the latest one by NAME."""

    @property
    def metavar(self) -> str:
        """How it is written where either will do."""
        return "NAME[@NUMBER]_OR_ID"

    @property
    def noun(self) -> str:
        """What is looked up, in words."""
        return "repository version"

    @property
    def key(self) -> str:
        """What it is looked up by, in words."""
        return "repository's name and its number, as NAME@NUMBER,"

    def name_in(self, text: str) -> str:
        """Return the name of the repository."""
        name, at, number = text.rpartition("@")
        return name if at and _NUMBER.fullmatch(number) else text

    def question(self, text: str) -> tuple[str, dict[str, Any]]:
        """Return the document that finds what is named so, and its variables."""
        key = self.name_in(text)
        version = "version: latestVersion" if key == text else f"version(number: {int(text[len(key) + 1 :])})"
        found = f"found: {self.field}({self.argument}: $key) {{ {version} {{ id }} }}"
        return f"query Find($key: String!) {{ {found} }}", {"key": key}

    def answer(self, found: dict[str, Any]) -> str | None:
        """Return the id in what the document found; None where it is not there."""
        return str(found["version"]["id"]) if found["version"] else None


@dataclass(frozen=True, slots=True)
class Reference:
    """What somebody wrote where an id is needed: a global id, or a name that a query finds."""

    text: str
    lookup: Lookup

    @property
    def name(self) -> str:
        """The name of the thing, or of the one that it is a part of."""
        return self.lookup.name_in(self.text)


def lookups(schema: GraphQLSchema) -> Mapping[str, Lookup]:
    """Return the queries of a schema that find a node by a name, by what the inputs call its id."""
    found: dict[str, Lookup] = {}
    for name, field in schema.query_type.fields.items() if schema.query_type else ():
        required = [(key, argument) for key, argument in field.args.items() if is_required_argument(argument)]
        if len(required) == 1 and isinstance(required[0][1].type, GraphQLNonNull):
            key, argument = required[0]
            named = get_named_type(field.type)
            if argument.type.of_type is GraphQLString and isinstance(named, Composite) and "id" in named.fields:
                found[name] = Lookup(name, key, listing(schema, name, key))
                if {"version", "latestVersion"} <= named.fields.keys():
                    found |= dict.fromkeys(_VERSION_FIELDS, VersionLookup(name, key, found[name].listing))
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


async def find_id(client: Client, reference: Reference) -> str | None:
    """Return the id that is meant; None where a name belongs to nothing."""
    if is_global_id(reference.text):
        return reference.text
    found = (await client.execute(*reference.lookup.question(reference.text)))["found"]
    return reference.lookup.answer(found) if found else None


async def _id(client: Client, reference: Reference) -> str:
    lookup = reference.lookup
    key = await find_id(client, reference)
    if key is None:
        raise Failure(
            f"There is no {lookup.noun} {reference.text!r}.",
            hint=f"Give its {lookup.key} or its id; `headbox {kebab(lookup.field)} list` shows them.",
        )
    return key
