"""What happens around every operation: its context, its document, its limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from strawberry.extensions import SchemaExtension
from strawberry.types import StreamExecutionResult

from headbox.resolvers.context import Context
from headbox.schema.limits import Measuring, excess, excessive_variables
from headbox.schema.masking import shown
from headbox.schema.requests import Documents
from headbox.settings import GraphQLSettings


class Operation(SchemaExtension):
    """Stands around one operation.

    Args:
        documents: The documents that were checked already.
        limits: How much an operation may ask for.
    """

    def __init__(self, documents: Documents, limits: GraphQLSettings) -> None:
        self._documents = documents
        self._limits = limits
        self._cost: int | None = None
        self._is_streamed = False

    def on_operation(self) -> Iterator[None]:
        """Give the operation loaders of its own, and hide what went wrong in the server."""
        # One WebSocket carries many operations, for hours: what one has loaded, another must not be shown.
        context = self.execution_context.context
        if isinstance(context, Context):
            self.execution_context.context = context.for_operation()
        yield
        # The results of a stream were each shown as they came.
        if not self._is_streamed:
            self._mask(self.execution_context.result)

    def on_parse(self) -> Iterator[None]:
        """Take the document from those that were checked; whoever sent it was told before when it cannot be read."""
        if self.execution_context.query:
            self.execution_context.graphql_document = self._documents.check(self.execution_context.query).document
        yield

    def on_validate(self) -> Iterator[None]:
        """Refuse what is not valid, and what asks for too much."""
        execution = self.execution_context
        assert execution.query, "what has no query is refused before"
        checked = self._documents.check(execution.query)
        errors = list(checked.errors)
        if not errors:
            measuring = Measuring(self._documents.schema, checked.document, execution.variables)
            measure = measuring.operation(checked.operation(execution.operation_name))
            self._cost = measure.cost
            problem = excess(measure, self._limits) or excessive_variables(execution.variables)
            errors = [problem] if problem else []
        execution.pre_execution_errors = errors
        yield

    def on_stream_result(self, result: StreamExecutionResult) -> Iterator[None]:
        """Hide what went wrong in the server from one result of a stream."""
        self._is_streamed = True
        self._mask(result)
        yield

    def get_results(self) -> dict[str, Any]:
        """Return the extensions of the response."""
        return {} if self._cost is None else {"cost": self._cost}

    @staticmethod
    def _mask(result: Any) -> None:
        if getattr(result, "errors", None):
            result.errors = [shown(error) for error in result.errors]
