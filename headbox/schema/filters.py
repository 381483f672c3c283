"""Filters of lists. All fields of a filter hold; values within a list are alternatives, except labels and fields."""

from __future__ import annotations

from datetime import datetime

import strawberry

from headbox.schema.enums import TaskState, WebhookDeliveryState, WebhookEvent, WebhookState
from headbox.schema.inputs import LabelFilter, optional

_NAME = "Its name contains this; the case of ASCII letters does not count."
_NAME_PREFIX = "Its name starts with this; the case of letters counts."
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
    user: str | None = optional("Was asked for by this user.")
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
    name: str | None = optional(_NAME)
    name_prefix: str | None = optional(_NAME_PREFIX)
    label: list[LabelFilter] | None = optional(_LABEL)
    and_: list[RepositoryFilter] | None = optional(_AND, name="and")
    or_: list[RepositoryFilter] | None = optional(_OR, name="or")
    not_: RepositoryFilter | None = optional(_NOT, name="not")


@strawberry.input(description="Which remotes.")
class RemoteFilter:
    """See `resolvers.remote.page`."""

    kind: list[str] | None = optional("Of one of these kinds, such as `file.remote`.")
    name: str | None = optional(_NAME)
    name_prefix: str | None = optional(_NAME_PREFIX)
    url: str | None = optional("Its URL contains this; the case of ASCII letters does not count.")
    label: list[LabelFilter] | None = optional(_LABEL)
    and_: list[RemoteFilter] | None = optional(_AND, name="and")
    or_: list[RemoteFilter] | None = optional(_OR, name="or")
    not_: RemoteFilter | None = optional(_NOT, name="not")


@strawberry.input(description="Which distributions.")
class DistributionFilter:
    """See `resolvers.distribution.page`."""

    name: str | None = optional(_NAME)
    name_prefix: str | None = optional(_NAME_PREFIX)
    base_path_prefix: str | None = optional("Its base path starts with this; the case of letters counts.")
    repository: strawberry.ID | None = optional("Follows this repository, or is pinned to something of it.")
    label: list[LabelFilter] | None = optional(_LABEL)
    and_: list[DistributionFilter] | None = optional(_AND, name="and")
    or_: list[DistributionFilter] | None = optional(_OR, name="or")
    not_: DistributionFilter | None = optional(_NOT, name="not")


@strawberry.input(description="Which schedules.")
class ScheduleFilter:
    """See `resolvers.schedule.page`."""

    name: str | None = optional(_NAME)
    name_prefix: str | None = optional(_NAME_PREFIX)
    task_kind: list[str] | None = optional("Creates tasks of one of these kinds, such as `file.sync`.")
    enabled: bool | None = optional("Is enabled, or is not.")
    label: list[LabelFilter] | None = optional(_LABEL)
    and_: list[ScheduleFilter] | None = optional(_AND, name="and")
    or_: list[ScheduleFilter] | None = optional(_OR, name="or")
    not_: ScheduleFilter | None = optional(_NOT, name="not")


@strawberry.input(description="Which webhooks.")
class WebhookFilter:
    """See `resolvers.webhook.page`."""

    name: str | None = optional(_NAME)
    name_prefix: str | None = optional(_NAME_PREFIX)
    state: list[WebhookState] | None = optional("In one of these states.")
    repository: strawberry.ID | None = optional("Is told about this repository alone.")
    label: list[LabelFilter] | None = optional(_LABEL)
    and_: list[WebhookFilter] | None = optional(_AND, name="and")
    or_: list[WebhookFilter] | None = optional(_OR, name="or")
    not_: WebhookFilter | None = optional(_NOT, name="not")


@strawberry.input(description="Which deliveries of webhooks.")
class WebhookDeliveryFilter:
    """See `resolvers.webhook.deliveries`."""

    webhook: strawberry.ID | None = optional("To this webhook.")
    state: list[WebhookDeliveryState] | None = optional("In one of these states.")
    event: list[WebhookEvent] | None = optional("Of one of these events.")
    created_after: datetime | None = optional("Of what happened later than this.")
    created_before: datetime | None = optional("Of what happened earlier than this.")


@strawberry.input(
    description="What a field holds that a kind of content can be searched by: all that is said of it holds."
)
class ContentFieldFilter:
    """See `kinds.Document.searched`."""

    name: str = strawberry.field(description="The field, as its plugin declares it: in snake_case.")
    value: str | None = optional("Has this value, as text.")
    in_: list[str] | None = optional("Has one of these values, as texts.", name="in")
    prefix: str | None = optional("Is a text that starts with this.")
    at_least: float | None = optional("Is a number, and not less than this.")
    at_most: float | None = optional("Is a number, and not more than this.")


@strawberry.input(description="Which content units.")
class ContentFilter:
    """See `resolvers.content.condition`."""

    kind: list[str] | None = optional("Of one of these kinds, such as `file.content`.")
    relative_path: list[str] | None = optional("Has an artifact at one of these paths.")
    relative_path_prefix: str | None = optional("Has an artifact at a path that starts with this.")
    sha256: list[str] | None = optional("Has an artifact with one of these SHA-256: 64 hexadecimal digits each.")
    created_after: datetime | None = optional("Was first seen later than this.")
    created_before: datetime | None = optional("Was first seen earlier than this.")
    label: list[LabelFilter] | None = optional(_LABEL)
    field: list[ContentFieldFilter] | None = optional("Its fields are all like this.")
    and_: list[ContentFilter] | None = optional(_AND, name="and")
    or_: list[ContentFilter] | None = optional(_OR, name="or")
    not_: ContentFilter | None = optional(_NOT, name="not")
