"""The schema as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLInterfaceType, GraphQLNamedType, GraphQLObjectType

from headbox.kinds import Registry
from headbox.plugins.file.plugin import plugin
from headbox.schema import build_schema, print_schema
from headbox.schema.build import ApiSchema
from tests.support.tasks import gate_plugin

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def schema() -> ApiSchema:
    return build_schema(Registry([plugin, gate_plugin]))


def described(type_: GraphQLNamedType) -> Iterator[tuple[str, Any]]:
    """Yield everything of a type that needs a description, by name."""
    yield type_.name, type_
    if isinstance(type_, GraphQLEnumType):
        yield from ((f"{type_.name}.{name}", value) for name, value in type_.values.items())
    if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
        for name, field in type_.fields.items():
            yield f"{type_.name}.{name}", field
            for argument, declared in getattr(field, "args", {}).items():
                yield f"{type_.name}.{name}({argument})", declared


def test_everything_has_a_description(schema: ApiSchema) -> None:
    types = [type_ for name, type_ in schema.graphql.type_map.items() if not name.startswith("__")]

    bare = [name for type_ in types for name, item in described(type_) if not (item.description or "").strip()]

    assert bare == []


def test_descriptions_are_sentences_for_clients(schema: ApiSchema) -> None:
    types = [type_ for name, type_ in schema.graphql.type_map.items() if not name.startswith("__")]
    items = [(name, item.description) for type_ in types for name, item in described(type_)]
    own = [(name, text) for name, text in items if name not in {"Boolean", "Float", "ID", "Int", "String"}]

    odd = [name for name, text in own if not text.endswith((".", "`.")) or "Google" in text or ":class:" in text]

    assert odd == []


def test_every_connection_can_be_read_by_page(schema: ApiSchema) -> None:
    for type_ in schema.graphql.type_map.values():
        if not isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            continue
        for name, field in type_.fields.items():
            if str(field.type).rstrip("!").endswith("Connection"):
                assert {"first", "after"} <= field.args.keys(), f"{type_.name}.{name}"


def test_printed_schema_is_checked_in() -> None:
    printed = (ROOT / "schema.graphql").read_text()

    assert printed == print_schema(Registry([plugin])), "make schema writes it anew"


def test_no_line_of_core_knows_the_file_plugin() -> None:
    sources = [path for folder in ("schema", "resolvers") for path in (ROOT / "headbox" / folder).rglob("*.py")]

    assert [path.name for path in sources if "headbox.plugins" in path.read_text()] == []
