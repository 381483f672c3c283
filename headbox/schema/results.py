"""Results as clients get them, made once for all that ask the same.

Ten thousand clients that watch one task with one document get one execution: what it yields is encoded once, and each
client is handed the latest of it when it is ready for more. A slow client skips states, and delays nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import FieldNode, GraphQLFormattedError, OperationType
from strawberry.types.execution import PreExecutionError

from headbox.resolvers.context import Context
from headbox.schema.build import ApiSchema
from headbox.schema.requests import CheckedDocument

#: Subscriptions whose latest result says everything: who comes late needs none of those before.
SHARED_FIELDS = frozenset({"task", "repository"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """An operation that a client wants.

    Attributes:
        query: The document.
        variables: What the client sent.
        operation_name: Which operation of the document.
    """

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """One result of an operation.

    Attributes:
        payload: The result as JSON.
        refusal: Why nothing was executed; None when something was.
    """

    payload: bytes
    refusal: list[GraphQLFormattedError] | None = None


class Results:
    """Runs the operations of all streams of a server.

    Args:
        schema: The schema.
    """

    def __init__(self, schema: ApiSchema) -> None:
        self._schema = schema
        self._shared: dict[tuple[Any, ...], _Broadcast] = {}

    @property
    def shared_count(self) -> int:
        """How many executions are shared now."""
        return len(self._shared)

    async def of(self, wanted: Wanted, context: Context) -> AsyncGenerator[Result, None]:
        """Yield the results of an operation whose document can be read."""
        key = self._key(wanted, context)
        results = self._own(wanted, context) if key is None else self._joined(key, wanted, context)
        async with aclosing(results):
            async for result in results:
                yield result

    def _key(self, wanted: Wanted, context: Context) -> tuple[Any, ...] | None:
        """Return what is the same for all that ask the same, or None for what is not shared."""
        if not _is_shared(self._schema.documents.check(wanted.query), wanted.operation_name):
            return None
        variables = orjson.dumps(wanted.variables or {}, option=orjson.OPT_SORT_KEYS)
        # The address is part of the results. There are no accounts: nobody sees more than others.
        return wanted.query, wanted.operation_name, variables, context.base_url

    async def _own(self, wanted: Wanted, context: Context) -> AsyncGenerator[Result, None]:
        stream: Any = await self._schema.stream(
            wanted.query,
            variable_values=wanted.variables,
            operation_name=wanted.operation_name,
            context_value=context,
        )
        async with aclosing(stream):
            async for result in stream:
                yield _encoded(result)

    async def _joined(self, key: tuple[Any, ...], wanted: Wanted, context: Context) -> AsyncGenerator[Result, None]:
        broadcast = self._shared.get(key)
        if broadcast is None:
            broadcast = _Broadcast(self._own(wanted, context), lambda: self._forget(key, broadcast))
            self._shared[key] = broadcast
        async with aclosing(broadcast.results()) as results:
            async for result in results:
                yield result

    def _forget(self, key: tuple[Any, ...], broadcast: _Broadcast | None) -> None:
        if self._shared.get(key) is broadcast:
            del self._shared[key]


class _Broadcast:
    """One execution, and all who get its results.

    Args:
        source: The results.
        at_end: Called when nobody may join any more.
    """

    def __init__(self, source: AsyncGenerator[Result, None], at_end: Callable[[], None]) -> None:
        self._source = source
        self._at_end = at_end
        self._latest: Result | None = None
        self._number = 0
        self._is_over = False
        self._changed = asyncio.Event()
        self._listeners = 0
        self._running = asyncio.create_task(self._run())

    async def _run(self) -> None:
        try:
            async with aclosing(self._source):
                async for result in self._source:
                    self._latest = result
                    self._number += 1
                    self._tell()
        finally:
            self._is_over = True
            self._at_end()
            self._tell()

    def _tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def results(self) -> AsyncGenerator[Result, None]:
        """Yield the latest result, then each later one that is the latest when it is asked for, and always the last."""
        self._listeners += 1
        seen = 0
        try:
            while True:
                changed = self._changed
                if self._number > seen and self._latest is not None:
                    seen = self._number
                    yield self._latest
                elif self._is_over:
                    return
                else:
                    await changed.wait()
        finally:
            self._listeners -= 1
            if not self._listeners:
                self._at_end()
                self._running.cancel()


def _is_shared(checked: CheckedDocument, operation_name: str | None) -> bool:
    operation = checked.operation(operation_name)
    if operation.operation is not OperationType.SUBSCRIPTION or checked.errors:
        return False
    selections = operation.selection_set.selections
    return all(isinstance(field, FieldNode) and field.name.value in SHARED_FIELDS for field in selections)


def _encoded(result: Any) -> Result:
    payload: dict[str, Any] = {"data": result.data}
    if result.errors:
        payload["errors"] = [error.formatted for error in result.errors]
    if result.extensions:
        payload["extensions"] = result.extensions
    refusal = payload.get("errors") if isinstance(result, PreExecutionError) else None
    return Result(orjson.dumps(payload), refusal)
