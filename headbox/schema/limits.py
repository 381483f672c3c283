"""How much one operation may ask for: depth, aliases, and what it costs.

The cost is about the number of objects that the operation may return. A connection counts as many as its page may hold,
a list of what `ids` name as many as there are, another list what such lists hold; what lies within one of them counts
as often.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    value_from_ast_untyped,
)

from headbox.errors import ErrorCode
from headbox.resolvers.loaders import MAX_BLOCKERS
from headbox.resolvers.paging import DEFAULT_PAGE, MAX_PAGE
from headbox.services.version_request import MAX_UNITS
from headbox.settings import GraphQLSettings

#: The list that holds tasks of the same long list again and again where it nests.
BLOCKED_BY = "blockedBy"
#: How deep it may nest.
MAX_BLOCKED_BY = 1
#: What a list that is no connection is taken to hold, where `LIST_SIZES` does not say.
LIST_SIZE = 10
#: What lists are taken to hold, by the name of their field.
LIST_SIZES = {BLOCKED_BY: MAX_BLOCKERS, "actions": 3, "claims": 3}
#: Most values in the variables of an operation, those in lists and objects counted one by one: some 0.5 seconds. The
#: most units that one add names, and what goes with them.
MAX_VALUES = MAX_UNITS + 1_000
#: How deep the values in the variables of an operation may nest.
MAX_NESTING = 50
#: What names of the types of connections end with.
CONNECTION = "Connection"


@dataclass(frozen=True, slots=True)
class Measure:
    """How much a selection asks for.

    Attributes:
        depth: How deep its fields nest.
        aliases: How many aliases it has, those of fragments counted wherever they are used.
        cost: About how many objects it may return.
        blocked_by: How deep `blockedBy` nests in itself.
    """

    depth: int = 0
    aliases: int = 0
    cost: int = 0
    blocked_by: int = 0

    def __add__(self, other: Measure) -> Measure:
        return Measure(
            max(self.depth, other.depth),
            self.aliases + other.aliases,
            self.cost + other.cost,
            max(self.blocked_by, other.blocked_by),
        )


class Measuring:
    """Measures one operation of a valid document.

    Args:
        schema: The schema.
        document: The document: each of its fragments is measured once, however often it is used.
        variables: What the client sent; for the sizes of pages.
    """

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any] | None) -> None:
        self._schema = schema
        self._given = variables or {}
        self._variables: dict[str, Any] = {}
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        # By name, and the size of the page that it is used in.
        self._measured: dict[tuple[str, int], Measure] = {}

    def operation(self, operation: OperationDefinitionNode) -> Measure:
        """Return how much an operation asks for."""
        self._variables = {**_defaults(operation), **self._given}
        roots = {
            OperationType.QUERY: self._schema.query_type,
            OperationType.MUTATION: self._schema.mutation_type,
            OperationType.SUBSCRIPTION: self._schema.subscription_type,
        }
        return self._selections(operation.selection_set, roots[operation.operation], page=1)

    def _selections(self, selections: SelectionSetNode, parent: GraphQLNamedType | None, page: int) -> Measure:
        measure = Measure()
        for selection in selections.selections:
            if isinstance(selection, FieldNode):
                measure += self._field(selection, parent, page)
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                within = self._schema.get_type(condition.name.value) if condition else parent
                measure += self._selections(selection.selection_set, within, page)
            elif isinstance(selection, FragmentSpreadNode):
                measure += self._fragment(selection.name.value, page)
        return measure

    def _fragment(self, name: str, page: int) -> Measure:
        if (name, page) not in self._measured:
            fragment = self._fragments[name]
            within = self._schema.get_type(fragment.type_condition.name.value)
            self._measured[name, page] = self._selections(fragment.selection_set, within, page)
        return self._measured[name, page]

    def _field(self, field: FieldNode, parent: GraphQLNamedType | None, page: int) -> Measure:
        aliases = 1 if field.alias else 0
        name = field.name.value
        # The schema describes itself from memory; validation bounds how deep it is asked.
        if name.startswith("__") or not isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
            return Measure(aliases=aliases)
        declared = parent.fields[name].type
        named = get_named_type(declared)
        if field.selection_set is None or not is_composite_type(named):
            return Measure(depth=1, aliases=aliases)
        is_connection = named.name.endswith(CONNECTION)
        within = self._selections(field.selection_set, named, self._page_size(field) if is_connection else page)
        if name == "edges" and parent.name.endswith(CONNECTION):
            cost = page * within.cost
        elif isinstance(get_nullable_type(declared), GraphQLList):
            cost = self._list_size(field) * (1 + within.cost)
        else:
            cost = 1 + within.cost
        return Measure(
            1 + within.depth, aliases + within.aliases, cost, within.blocked_by + (1 if name == BLOCKED_BY else 0)
        )

    def _page_size(self, field: FieldNode) -> int:
        size = self._argument(field, "first", "last")
        # A whole number may be sent as 500.0.
        return int(min(max(size, 0), MAX_PAGE)) if isinstance(size, int | float) else DEFAULT_PAGE

    def _list_size(self, field: FieldNode) -> int:
        ids = self._argument(field, "ids")
        return len(ids) if isinstance(ids, list) else LIST_SIZES.get(field.name.value, LIST_SIZE)

    def _argument(self, field: FieldNode, *names: str) -> object:
        """Return the value of the first of these arguments that is not null."""
        values = (
            value_from_ast_untyped(argument.value, self._variables)
            for argument in field.arguments or ()
            if argument.name.value in names
        )
        return next((value for value in values if value is not None), None)


def _defaults(operation: OperationDefinitionNode) -> dict[str, Any]:
    """Return the values of the variables that a client need not send."""
    return {
        definition.variable.name.value: value_from_ast_untyped(definition.default_value)
        for definition in operation.variable_definitions or ()
        if definition.default_value
    }


def excess(measure: Measure, limits: GraphQLSettings) -> GraphQLError | None:
    """Return the error for an operation that asks for too much, or None."""
    asked = (
        ("fields that nest", measure.depth, limits.max_depth, "deep"),
        ("aliases:", measure.aliases, limits.max_aliases, "in all"),
        (f"levels of {BLOCKED_BY}:", measure.blocked_by, MAX_BLOCKED_BY, "in one another"),
        ("a cost of", measure.cost, limits.max_cost, "for the objects that it may return"),
    )
    for what, value, limit, unit in asked:
        if value > limit:
            return limit_exceeded(f"The operation has {what} {value} {unit}; the limit is {limit}.")
    return None


def excessive_variables(variables: Mapping[str, Any] | None) -> GraphQLError | None:
    """Return the error for variables that take too long to be read as what their types take, or None."""
    count = 0
    waiting: list[tuple[Any, int]] = [(variables, 0)]
    while waiting:
        value, depth = waiting.pop()
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        count += len(inner)
        if count > MAX_VALUES:
            return limit_exceeded(f"The variables hold more than {MAX_VALUES} values.")
        if depth > MAX_NESTING:
            return limit_exceeded(f"The variables nest more than {MAX_NESTING} deep.")
        waiting += ((part, depth + 1) for part in inner)
    return None


def limit_exceeded(message: str) -> GraphQLError:
    """Return the error for what is more than the server takes."""
    return GraphQLError(message, extensions={"code": ErrorCode.LIMIT_EXCEEDED.value})
