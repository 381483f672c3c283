"""What is derived, as it is put together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Annotated, Any

import strawberry

from headbox.kinds import Document, PluginInvalid, TaskType
from headbox.resolvers.context import Context
from headbox.schema.errors import Expected
from headbox.schema.info import Info
from headbox.schema.inputs import plain

#: Serves a mutation: returns its payload but for the errors.
Run = Callable[[Context, dict[str, Any]], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class TaskInput:
    """The input that creates tasks of a type."""

    task_type: type[TaskType]
    input_type: type


@dataclass(slots=True)
class Parts:
    """The types and root fields that plugins bring.

    Attributes:
        types: Types of content, remotes, publish settings, repositories and tasks, by name.
        references: Inputs that name a remote or publish settings, or create them, by the name of the type.
        task_inputs: Inputs that create tasks, by the names of the types as fields.
        queries: Root fields, by name.
        mutations: The same.
    """

    types: dict[str, type] = field(default_factory=dict)
    references: dict[str, type] = field(default_factory=dict)
    task_inputs: dict[str, TaskInput] = field(default_factory=dict)
    queries: dict[str, Any] = field(default_factory=dict)
    mutations: dict[str, Any] = field(default_factory=dict)

    def add_query(self, name: str, query: Any) -> None:
        """Add a field of Query."""
        _add(self.queries, "Query", name, query)

    def add_mutation(
        self,
        name: str,
        description: str,
        input_type: type,
        payload_type: type,
        run: Run,
        *,
        read: Callable[[Any], dict[str, Any]] = plain,
        **empty: Any,
    ) -> None:
        """Add a field of Mutation.

        Args:
            name: Its name.
            description: What it does.
            input_type: The type of its only argument.
            payload_type: What it returns.
            run: Serves it.
            read: Makes what `run` is given of the input.
            empty: Payload fields that are not null even when nothing was done, with their values.
        """

        async def resolve(info: Info, input: Any) -> dict[str, Any]:
            return await run(info.context, read(input))

        argument = Annotated[input_type, strawberry.argument(description="What is wanted.")]  # type: ignore[valid-type]
        resolve.__annotations__["input"] = argument
        mutation = strawberry.mutation(
            resolver=resolve, graphql_type=payload_type, description=description, extensions=[Expected(**empty)]
        )
        _add(self.mutations, "Mutation", name, mutation)


def _add(fields: dict[str, Any], root: str, name: str, field: Any) -> None:
    if name in fields:
        raise PluginInvalid(f"Two plugins bring the field {root}.{name}.")
    fields[name] = field


def check_fields(declared: type[Document], names: Collection[str], interface: type) -> None:
    """Make sure that the fields of a kind do not hide those that all kinds have.

    Raises:
        PluginInvalid: One does.
    """
    shared = {field.python_name for field in interface.__strawberry_definition__.fields}  # type: ignore[attr-defined]
    if hidden := sorted(shared & set(names)):
        where = f"{declared.__module__}.{declared.__name__}.{hidden[0]}"
        raise PluginInvalid(f"{where} has the name of a field that every {interface.__name__} has.")
