"""How much one operation may ask for: depth, aliases, and what it costs.

The cost is about the number of objects that the operation may return. A connection counts as many as its page may hold,
another list counts `LIST_SIZE`; what lies within one of them counts as often.
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
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
)

from headbox.errors import ErrorCode
from headbox.resolvers.paging import DEFAULT_PAGE, MAX_PAGE
from headbox.settings import GraphQLSettings

#: What a list that is no connection is taken to hold.
LIST_SIZE = 10
#: What names of the types of connections end with.
CONNECTION = "Connection"


@dataclass(frozen=True, slots=True)
class Measure:
    """How much a selection asks for.

    Attributes:
        depth: How deep its fields nest.
        aliases: How many aliases it has, those of fragments counted wherever they are used.
        cost: About how many objects it may return.
    """

    depth: int = 0
    aliases: int = 0
    cost: int = 0

    def __add__(self, other: Measure) -> Measure:
        return Measure(max(self.depth, other.depth), self.aliases + other.aliases, self.cost + other.cost)


class Measuring:
    """Measures one operation of a valid document.

    Args:
        schema: The schema.
        document: The document: each of its fragments is measured once, however often it is used.
        variables: What the client sent; for the sizes of pages.
    """

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any] | None) -> None:
        self._schema = schema
        self._variables = variables or {}
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        # By name, and the size of the page that it is used in.
        self._measured: dict[tuple[str, int], Measure] = {}

    def operation(self, operation: OperationDefinitionNode) -> Measure:
        """Return how much an operation asks for."""
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
            cost = LIST_SIZE * (1 + within.cost)
        else:
            cost = 1 + within.cost
        return Measure(1 + within.depth, aliases + within.aliases, cost)

    def _page_size(self, field: FieldNode) -> int:
        for argument in field.arguments or ():
            if argument.name.value in {"first", "last"}:
                value: object = None
                if isinstance(argument.value, IntValueNode):
                    value = int(argument.value.value)
                elif isinstance(argument.value, VariableNode):
                    value = self._variables.get(argument.value.name.value)
                return min(max(value, 0), MAX_PAGE) if isinstance(value, int) else DEFAULT_PAGE
        return DEFAULT_PAGE


def excess(measure: Measure, limits: GraphQLSettings) -> GraphQLError | None:
    """Return the error for an operation that asks for too much, or None."""
    asked = (
        ("fields that nest", measure.depth, limits.max_depth, "deep"),
        ("aliases:", measure.aliases, limits.max_aliases, "in all"),
        ("a cost of", measure.cost, limits.max_cost, "for the objects that it may return"),
    )
    for what, value, limit, unit in asked:
        if value > limit:
            return GraphQLError(
                f"The operation has {what} {value} {unit}; the limit is {limit}.",
                extensions={"code": ErrorCode.LIMIT_EXCEEDED.value},
            )
    return None
