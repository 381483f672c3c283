"""Requests as documents: parsed and validated once, however often a client sends them."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    parse,
    specified_rules,
)
from strawberry.schema.schema import validate_document

from headbox.schema.limits import limit_exceeded
from headbox.schema.merging import excessive_merging

#: Documents that are kept.
MAX_DOCUMENTS = 256
#: Fields whose values the schema alone decides.
INTROSPECTION_FIELDS = frozenset({"__schema", "__type", "__typename"})
#: What the parser says of a document with too many tokens; it has no code for that.
_TOO_LONG = "Document contains more than"
#: Longest document that is kept, in characters.
MAX_KEPT_LENGTH = 16_384


@dataclass(frozen=True, slots=True)
class CheckedDocument:
    """A document, and what is wrong with it."""

    document: DocumentNode
    errors: list[GraphQLError]

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """Return the operation of a request.

        Args:
            name: Its name, or None for the only one.

        Raises:
            GraphQLError: There is none, or none that is meant.
        """
        operations = [node for node in self.document.definitions if isinstance(node, OperationDefinitionNode)]
        if name is not None:
            operations = [node for node in operations if node.name and node.name.value == name]
        if len(operations) != 1:
            raise GraphQLError(
                f"The document has no operation named {name!r}."
                if name is not None
                else f"The document has {len(operations)} operations; `operationName` names the one that is meant."
            )
        return operations[0]

    def is_constant(self, name: str | None) -> bool:
        """Tell whether an operation asks of the schema alone: its answer is the same for as long as the process lives.

        Args:
            name: As of `operation`.

        Raises:
            GraphQLError: As of `operation`.
        """
        operation = self.operation(name)
        return (
            not self.errors
            and operation.operation is OperationType.QUERY
            and not operation.variable_definitions
            and all(
                isinstance(field, FieldNode) and field.name.value in INTROSPECTION_FIELDS
                for field in operation.selection_set.selections
            )
        )


class Documents:
    """The documents that clients sent lately.

    Args:
        schema: The schema that they are for.
        max_tokens: Most tokens of one.
    """

    def __init__(self, schema: GraphQLSchema, max_tokens: int) -> None:
        self.schema = schema
        self._max_tokens = max_tokens
        self._kept: OrderedDict[str, CheckedDocument] = OrderedDict()

    def check(self, query: str) -> CheckedDocument:
        """Return a document with what is wrong with it.

        Raises:
            GraphQLError: Its syntax is wrong, or it is too long or nests too deep to be read.
        """
        if query in self._kept:
            self._kept.move_to_end(query)
            return self._kept[query]
        document = self._parse(query)
        checked = CheckedDocument(document, self._errors(document))
        if len(query) <= MAX_KEPT_LENGTH:
            self._kept[query] = checked
            if len(self._kept) > MAX_DOCUMENTS:
                self._kept.popitem(last=False)
        return checked

    def _parse(self, query: str) -> DocumentNode:
        try:
            return parse(query, max_tokens=self._max_tokens)
        except GraphQLSyntaxError as error:
            if _TOO_LONG in error.description:
                raise limit_exceeded(f"The document has more than {self._max_tokens} tokens.") from None
            raise

    def _errors(self, document: DocumentNode) -> list[GraphQLError]:
        excess = excessive_merging(document)
        return [excess] if excess else validate_document(self.schema, document, tuple(specified_rules))
