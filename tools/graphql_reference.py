"""Write the pages of the GraphQL reference from `schema.graphql`.

A page tells all of one area: its queries, mutations and subscriptions, then the types that they use. The pages are made
while the documentation site is built and are not checked in: `schema.graphql` is, and a test keeps it current.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypeAlias

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    Undefined,
    ast_from_value,
    build_schema,
    get_named_type,
    is_introspection_type,
    is_specified_scalar_type,
    print_ast,
)


class Area(NamedTuple):
    """A page of the reference.

    Attributes:
        name: Of its file, without the ending.
        title: What the page is called.
        about: What it tells, in a sentence.
        pattern: Found in the names of the types and root fields that belong here; the first area to match has them.
    """

    name: str
    title: str
    about: str
    pattern: str


#: What has no other place goes onto this page.
BASICS = Area("basics", "Ids, pages, errors and scalars", "What all areas share.", r"^$")
AREAS = (
    Area(
        "file",
        "Plugin: file",
        "Everything that the plugin for files adds: its content, remotes, repositories and tasks.",
        r"^(create|update|plan|Create|Update|Plan)?[Ff]ile[A-Z]",
    ),
    Area("webhooks", "Webhooks", "Whom headbox tells what happens, and how that went.", r"[Ww]ebhook"),
    Area(
        "publications",
        "Publications and distributions",
        "What clients read, and where it is served.",
        r"Publication|PublishSettings|[Dd]istribution|^Served|^LatestOfRepository$|^Pinned|^ClientSetup",
    ),
    Area(
        "operation",
        "Operation",
        "How the server is, who works, what takes space, and what makes it free.",
        r"^[Ss]tatus|^Component|[Ww]orker|[Qq]ueueStats|[Ss]torageStats|Garbage|Reclaim|Repair|^Plugin|^KindCount",
    ),
    Area(
        "tasks",
        "Tasks, groups and schedules",
        "What runs, what waits and for what, what was said, and what is to run when.",
        r"[Tt]ask|[Ss]chedule|^Action|^Progress|^TotalKind|^LogLine|^Claim|^MissedRuns",
    ),
    Area(
        "remotes",
        "Remotes and syncs",
        "Where content comes from, what a sync would change, and what it left out.",
        r"[Rr]emote|[Ss]ync|^Planned|^PlanMoved|^DownloadPolicy|^OnError|^OpenIssue",
    ),
    Area(
        "repositories",
        "Repositories and versions",
        "Sets of content, and how they came to be.",
        r"[Rr]epositor|[Vv]ersion|^Membership|^Automation|^Origin|^ContentDiff|^ContentChange",
    ),
    Area(
        "content",
        "Content, artifacts and uploads",
        "Single content units, their bytes, and how bytes come in.",
        r"[Cc]ontent|[Aa]rtifact|[Uu]pload|[Ss]earch|^MatchedBy|^Availability",
    ),
    BASICS,
)

#: The order in which the overview tells of the areas.
READING_ORDER = (
    "repositories",
    "remotes",
    "content",
    "publications",
    "tasks",
    "webhooks",
    "operation",
    "file",
    "basics",
)
#: Arguments of every list, told once for all of them.
PAGING = {"after", "before", "first", "last"}

_Value: TypeAlias = GraphQLField | GraphQLArgument | GraphQLInputField

#: Said of every list.
PAGES_NOTE = "[A page](index.md#pages) at a time."


def reference_pages(sdl: str) -> dict[str, str]:
    """Return the page of each area that has something, as Markdown, by its file name."""
    reference = _Reference(build_schema(sdl))
    return {f"{area.name}.md": page for area in AREAS if (page := reference.page(area))}


def operations(sdl: str) -> str:
    """Return lists of all queries, mutations and subscriptions, by area, then of all types, as Markdown."""
    return _Reference(build_schema(sdl)).overview()


@dataclass(frozen=True)
class _Root:
    """A field of Query, Mutation or Subscription."""

    group: str
    name: str
    field: GraphQLField

    @property
    def anchor(self) -> str:
        """Its name; a subscription has the name of the query that it keeps answering."""
        return f"subscription-{self.name}" if self.group == "Subscriptions" else self.name


@dataclass(frozen=True)
class _Reference:
    schema: GraphQLSchema

    @cached_property
    def roots(self) -> list[_Root]:
        groups = {
            "Queries": self.schema.query_type,
            "Mutations": self.schema.mutation_type,
            "Subscriptions": self.schema.subscription_type,
        }
        return [
            _Root(group, name, field)
            for group, type_ in groups.items()
            if type_ is not None
            for name, field in type_.fields.items()
        ]

    @cached_property
    def types(self) -> dict[str, GraphQLNamedType]:
        """All types that are told, by name: not the roots, and not what every schema has."""
        roots = {self.schema.query_type, self.schema.mutation_type, self.schema.subscription_type}
        return {
            name: type_
            for name, type_ in sorted(self.schema.type_map.items())
            if type_ not in roots and not is_introspection_type(type_) and not is_specified_scalar_type(type_)
        }

    @cached_property
    def told_by(self) -> dict[str, _Root]:
        """The mutations that tell of a type themselves: of their own input and payload."""
        told: dict[str, _Root] = {}
        for root in self.roots:
            if root.group == "Mutations":
                for type_ in (*(argument.type for argument in root.field.args.values()), root.field.type):
                    if not is_specified_scalar_type(named := get_named_type(type_)):
                        told.setdefault(named.name, root)
        return told

    def area_of(self, name: str) -> Area:
        """Return the area of a type or a root field."""
        if name in self.told_by:
            name = self.told_by[name].name
        type_ = self.types.get(name)
        if isinstance(type_, GraphQLObjectType) and any(each.name == "UserError" for each in type_.interfaces):
            return BASICS
        return next((area for area in AREAS if re.search(area.pattern, name)), BASICS)

    def overview(self) -> str:
        lines: list[str] = []
        for area in sorted(AREAS, key=lambda area: READING_ORDER.index(area.name)):
            roots = [root for root in self.roots if self.area_of(root.name) is area]
            if roots:
                lines += [f"### {area.title}", "", area.about, ""]
                for group in dict.fromkeys(root.group for root in roots):
                    names = (f"[`{root.name}`]({area.name}.md#{root.anchor})" for root in roots if root.group == group)
                    lines += [f"{group}", f":   {', '.join(names)}", ""]
        lines += ["## All types", "", ", ".join(f"[`{name}`]({self._address(name)})" for name in self.types), ""]
        return "\n".join(lines)

    def page(self, area: Area) -> str:
        """Return the page of an area, empty where it has nothing."""
        sections = [*self._root_sections(area), *self._type_sections(area)]
        return "\n".join([f"# {area.title}", "", area.about, "", *sections]) if sections else ""

    def _root_sections(self, area: Area) -> Iterator[str]:
        roots = [root for root in self.roots if self.area_of(root.name) is area]
        for group in dict.fromkeys(root.group for root in roots):
            yield f"## {group}\n"
            for root in roots:
                if root.group == group:
                    yield from self._root(root)

    def _root(self, root: _Root) -> Iterator[str]:
        yield f"### {root.name} {{ #{root.anchor} }}\n"
        yield f"{_text(root.field)}{self._paged(root.field.args)}\n"
        if root.group != "Mutations":
            yield f"Returns {self._type(root.field)}.\n"
        for name, argument in root.field.args.items():
            told = self._told_here(argument, root)
            if told is not None:
                yield f"**{name}** {self._type(argument, told.name)}\n"
                yield self._values(told)
            elif name not in PAGING:
                yield self._value(name, argument)
        told = self._told_here(root.field, root)
        if told is not None:
            yield f"**Returns** {self._type(root.field, told.name)}\n"
            yield self._values(told)

    def _told_here(self, value: _Value, root: _Root) -> GraphQLNamedType | None:
        type_: GraphQLNamedType = get_named_type(value.type)
        return type_ if self.told_by.get(type_.name) is root else None

    def _type_sections(self, area: Area) -> Iterator[str]:
        mine = [type_ for name, type_ in self.types.items() if name not in self.told_by and self.area_of(name) is area]
        connections = [type_ for type_ in mine if _is_of_a_connection(type_)]
        groups: dict[str, Callable[[GraphQLNamedType], bool]] = {
            "Types": lambda type_: isinstance(type_, GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType),
            "Inputs": lambda type_: isinstance(type_, GraphQLInputObjectType),
            "Enums": lambda type_: isinstance(type_, GraphQLEnumType),
            "Scalars": lambda type_: isinstance(type_, GraphQLScalarType),
        }
        for group, belongs in groups.items():
            members = [type_ for type_ in mine if belongs(type_) and type_ not in connections]
            if members:
                yield f"## {group}\n"
            for type_ in members:
                yield f"### {type_.name} {{ #{type_.name} }}\n"
                yield f"{_text(type_)}{self._relations(type_)}\n"
                yield self._values(type_)
        if connections:
            yield "## Connections\n"
            yield "What [lists](index.md#pages) are made of.\n"
        for type_ in connections:
            yield f"#### {type_.name} {{ #{type_.name} }}\n"
            yield self._values(type_)

    def _relations(self, type_: GraphQLNamedType) -> str:
        """Return what a type is besides itself, and what there is of it, as sentences."""
        match type_:
            case GraphQLInterfaceType():
                implementers = self.schema.get_possible_types(type_)
                return f"\n\nAn interface of {self._list(each.name for each in implementers)}." if implementers else ""
            case GraphQLObjectType() if type_.interfaces:
                return f"\n\nIs a {self._list(each.name for each in type_.interfaces)}."
            case GraphQLUnionType():
                return f"\n\nOne of {self._list(each.name for each in type_.types)}."
            case GraphQLInputObjectType(is_one_of=True):
                return "\n\nExactly one of its fields must be given."
        return ""

    def _values(self, type_: GraphQLNamedType) -> str:
        """Return what a type consists of, as a list of definitions."""
        match type_:
            case GraphQLObjectType() | GraphQLInterfaceType() | GraphQLInputObjectType():
                return "".join(self._value(name, field) for name, field in type_.fields.items())
            case GraphQLEnumType():
                return "".join(f"`{name}`\n:   {_text(value)}\n\n" for name, value in type_.values.items())
        return ""

    def _value(self, name: str, value: _Value) -> str:
        args = value.args if isinstance(value, GraphQLField) else {}
        lines = [f"`{name}` {self._type(value)}{_default(value)}", f":   {_text(value)}{self._paged(args)}", ""]
        for argument_name, argument in args.items():
            if argument_name not in PAGING or not _is_paged(args):
                lines.append(f"    - `{argument_name}` {self._type(argument)}{_default(argument)}: {_text(argument)}")
        return "\n".join([*lines, "", ""])

    def _paged(self, arguments: Mapping[str, GraphQLArgument]) -> str:
        return f" {PAGES_NOTE}" if _is_paged(arguments) else ""

    def _type(self, value: _Value, anchor: str = "") -> str:
        """Return the type of a field or an argument: a link to its place, or that place itself."""
        if anchor:
            return f"`{value.type}`{{ .type #{anchor} }}"
        address = self._address(get_named_type(value.type).name)
        return f"[`{value.type}`]({address}){{ .type }}" if address else f"`{value.type}`{{ .type }}"

    def _list(self, names: Iterable[str]) -> str:
        return ", ".join(f"[`{name}`]({self._address(name)})" for name in sorted(names))

    def _address(self, name: str) -> str:
        return f"{self.area_of(name).name}.md#{name}" if name in self.types else ""


def _is_of_a_connection(type_: GraphQLNamedType) -> bool:
    """Tell whether a type is a connection, or one of its edges that has nothing of its own."""
    if not isinstance(type_, GraphQLObjectType):
        return False
    return type_.name.endswith("Connection") or set(type_.fields) == {"cursor", "node"}


def _is_paged(arguments: Mapping[str, GraphQLArgument]) -> bool:
    return {"after", "first"} <= set(arguments)


def _text(described: GraphQLNamedType | GraphQLField | GraphQLArgument | GraphQLInputField | GraphQLEnumValue) -> str:
    return " ".join((described.description or "").split())


def _default(value: _Value) -> str:
    if isinstance(value, GraphQLField) or value.default_value is Undefined:
        return ""
    node = ast_from_value(value.default_value, value.type)
    return f" = `{print_ast(node)}`" if node is not None else ""
