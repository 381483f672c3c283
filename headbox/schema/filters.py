"""Filters of lists. All fields of a filter hold; values within a list are alternatives, except labels and fields."""

from __future__ import annotations

from datetime import datetime

import strawberry

from headbox.schema.enums import TaskState
from headbox.schema.inputs import LabelFilter, optional

_LABEL = "Has all of these labels."
_AND = "All of these hold too. Filters nest at most 8 deep."
_OR = "One of these holds too."
_NOT = "This does not hold."


@strawberry.input(description="Which tasks.")
class TaskFilter:
    """See `resolvers.task.condition`."""

    kind: list[str] | None = optional("Of one of these kinds, such as `file.sync`.")
    state: list[TaskState] | None = optional("In one of these states.")
    repository: strawberry.ID | None = optional("Works on this repository.")
    worker: strawberry.ID | None = optional("Was taken by this worker.")
    group: strawberry.ID | None = optional("Belongs to this group.")
    created_after: datetime | None = optional("Was created later than this.")
    created_before: datetime | None = optional("Was created earlier than this.")
    label: list[LabelFilter] | None = optional(_LABEL)
    and_: list[TaskFilter] | None = optional(_AND, name="and")
    or_: list[TaskFilter] | None = optional(_OR, name="or")
    not_: TaskFilter | None = optional(_NOT, name="not")


@strawberry.input(description="Which repositories.")
class RepositoryFilter:
    """See `resolvers.repository.page`."""

    kind: list[str] | None = optional("Of one of these kinds, such as `file.repository`.")
    name: str | None = optional("Its name contains this; the case of ASCII letters does not count.")
    label: list[LabelFilter] | None = optional(_LABEL)
    and_: list[RepositoryFilter] | None = optional(_AND, name="and")
    or_: list[RepositoryFilter] | None = optional(_OR, name="or")
    not_: RepositoryFilter | None = optional(_NOT, name="not")


@strawberry.input(description="The value of a field that a kind of content can be searched by.")
class ContentFieldFilter:
    """See `kinds.Document.searched`."""

    name: str = strawberry.field(description="The field, as its plugin declares it: in snake_case.")
    value: str = strawberry.field(description="Its value, as text.")


@strawberry.input(description="Which content units.")
class ContentFilter:
    """See `resolvers.content.condition`."""

    kind: list[str] | None = optional("Of one of these kinds, such as `file.content`.")
    relative_path: str | None = optional("Has an artifact at this path.")
    relative_path_prefix: str | None = optional("Has an artifact at a path that starts with this.")
    sha256: str | None = optional("Has an artifact with this SHA-256: 64 hexadecimal digits.")
    created_after: datetime | None = optional("Was first seen later than this.")
    created_before: datetime | None = optional("Was first seen earlier than this.")
    label: list[LabelFilter] | None = optional(_LABEL)
    field: list[ContentFieldFilter] | None = optional("Has all of these values.")
    and_: list[ContentFilter] | None = optional(_AND, name="and")
    or_: list[ContentFilter] | None = optional(_OR, name="or")
    not_: ContentFilter | None = optional(_NOT, name="not")
