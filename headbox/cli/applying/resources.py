"""What a file can want: every type of thing that can be created and updated, with the fields that both take.

All of it comes from the schema, so that a plugin's repositories and remotes have their own fields here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from graphql import (
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
)

from headbox.cli.applying.reading import selection_of
from headbox.cli.derived.operations import kebab, node_of_connection
from headbox.cli.derived.references import Lookup, lookups

#: Fields of inputs that are about the request, and not about the thing.
_OF_THE_REQUEST = frozenset({"id", "expectedRevision", "idempotencyKey"})


@dataclass(frozen=True, slots=True)
class Noun:
    """What things of one or several types are together: repositories are deleted and listed whatever their kind.

    Attributes:
        name: Its name, such as "repository".
        lookup: The query that finds one by its name.
        listing: The root field that lists them.
        delete: The mutation that deletes one.
    """

    name: str
    lookup: Lookup
    listing: str
    delete: str


@dataclass(frozen=True, slots=True)
class Resource:
    """A type of thing that a file can want.

    Attributes:
        kind: What the file calls it, such as "file.repository" or "distribution".
        type_name: Name of the GraphQL type.
        noun: What it is one of.
        create: The mutation that creates one.
        created: What that is given.
        update: The mutation that changes one.
        fields: The fields that a file may give, by name.
        selection: What to ask for of one that exists: each field by its own name, but for secrets.
        has_credentials: Whether it tells whether it has secrets.
        told: What is told of it when it is created, and never again.
        uses: The nouns that its fields name.
    """

    kind: str
    type_name: str
    noun: Noun
    create: str
    created: GraphQLInputObjectType
    update: str
    fields: Mapping[str, GraphQLInputField]
    selection: Mapping[str, str]
    has_credentials: bool
    told: tuple[str, ...]
    uses: frozenset[str]

    @property
    def key(self) -> str:
        """The field that says which one it is."""
        return self.noun.lookup.argument


def resources(schema: GraphQLSchema, kinds: Mapping[str, str]) -> dict[str, Resource]:
    """Return what a file can want, by kind, what is named by others before them.

    Args:
        schema: The schema of the installed plugins.
        kinds: The kinds that plugins declare, such as "file.remote", by the names of their types.
    """
    assert schema.mutation_type is not None, "the API has mutations"
    known = lookups(schema)
    found = []
    for create in schema.mutation_type.fields:
        verb, type_name = create[: len("create")], create[len("create") :]
        noun = _noun(schema, known, type_name) if verb == "create" else None
        update = schema.mutation_type.fields.get(f"update{type_name}")
        if noun is not None and update is not None:
            kind = kinds.get(type_name, kebab(type_name))
            found.append(_resource(schema, known, noun, kind, type_name))
    return {resource.kind: resource for resource in _in_order(found)}


def _resource(schema: GraphQLSchema, known: Mapping[str, Lookup], noun: Noun, kind: str, type_name: str) -> Resource:
    assert schema.mutation_type is not None, "the API has mutations"
    create, update = f"create{type_name}", f"update{type_name}"
    created, updated = (_input(schema.mutation_type.fields[name]) for name in (create, update))
    fields = {
        name: field for name, field in created.fields.items() if name in updated.fields and name not in _OF_THE_REQUEST
    }
    named = schema.get_type(type_name)
    assert isinstance(named, GraphQLObjectType), "what is created is an object"
    return Resource(
        kind=kind,
        type_name=type_name,
        noun=noun,
        create=create,
        created=created,
        update=update,
        fields=fields,
        selection=selection_of(schema, named, fields, known),
        has_credentials="hasCredentials" in named.fields,
        told=tuple(_told(schema.mutation_type.fields[create])),
        uses=frozenset(_uses(fields, known, ())) - {noun.name},
    )


def _noun(schema: GraphQLSchema, known: Mapping[str, Lookup], type_name: str) -> Noun | None:
    """Return what a type is one of; None where its things have no names, or cannot be listed and deleted."""
    named = schema.get_type(type_name)
    if not isinstance(named, GraphQLObjectType):
        return None
    assert schema.query_type is not None, "the API has queries"
    assert schema.mutation_type is not None, "the API has mutations"
    for candidate in (named, *named.interfaces):
        root = candidate.name[0].lower() + candidate.name[1:]
        delete = f"delete{candidate.name}"
        listing = next(
            (
                name
                for name, field in schema.query_type.fields.items()
                if "filter" in field.args and node_of_connection(get_named_type(field.type)) is candidate
            ),
            None,
        )
        if root in known and listing is not None and delete in schema.mutation_type.fields:
            return Noun(root, known[root], listing, delete)
    return None


def _input(field: GraphQLField) -> GraphQLInputObjectType:
    named = get_named_type(field.args["input"].type)
    assert isinstance(named, GraphQLInputObjectType), "an input is an object"
    return named


def _told(create: GraphQLField) -> Iterator[str]:
    """Yield the plain values of the payload of a mutation."""
    payload = get_named_type(create.type)
    assert isinstance(payload, GraphQLObjectType), "a mutation has a payload"
    for name, field in payload.fields.items():
        if is_leaf_type(get_named_type(field.type)):
            yield name


def _uses(
    fields: Mapping[str, GraphQLInputField], known: Mapping[str, Lookup], within: tuple[str, ...]
) -> Iterator[str]:
    """Yield the nouns that fields name, those of objects in them too."""
    for name, field in fields.items():
        named = get_named_type(field.type)
        if name in known:
            yield known[name].field
        if isinstance(named, GraphQLInputObjectType) and named.name not in within:
            yield from _uses(named.fields, known, (*within, named.name))


def _in_order(found: list[Resource]) -> Iterator[Resource]:
    """Yield what others name before them; among equals, in the order of the schema."""
    waiting = list(found)
    while waiting:
        missing = {resource.noun.name for resource in waiting}
        # A circle would wait for ever: then the first one goes.
        free = [resource for resource in waiting if not resource.uses & (missing - {resource.noun.name})]
        for resource in free or waiting[:1]:
            waiting.remove(resource)
            yield resource
