"""Webhooks and their deliveries: lists and changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any
from uuid import UUID

from headbox.errors import Invalid
from headbox.filters.conditions import ANY, NONE, Condition, check_size, compiled, every, is_findable, one_of
from headbox.filters.labels import named
from headbox.models import Repository, TaskGroup, Webhook, WebhookDelivery, Worker
from headbox.resolvers.context import Context
from headbox.resolvers.edits import change, refuse_null, wanted, wanted_or_none, without
from headbox.resolvers.paging import Edge, Listing, Page, PageArguments, edges_of, request
from headbox.services import webhook as service
from headbox.services import webhook_delivery
from headbox.services.documents import MAX_NAME
from headbox.services.webhook import NewWebhook, TaskFilter
from headbox.tasking.engine import UnitOfWork

#: The fields of filters on tasks that hold global ids.
_ID_MODELS: Mapping[str, type[Repository | Worker | TaskGroup]] = {
    "repository": Repository,
    "worker": Worker,
    "group": TaskGroup,
}


async def find(name: str) -> Webhook | None:
    """Return the webhook with a name."""
    return await Webhook.get_or_none(name=name) if is_findable(name, MAX_NAME) else None


async def page(
    context: Context, arguments: PageArguments, *, filter: Mapping[str, Any] | None = None
) -> Page[Edge[Webhook]]:
    """Return a page of the webhooks, by name."""
    where = compiled(
        filter,
        {
            "state": lambda states: one_of("webhook.state", [state.value for state in states]),
            "repository": lambda text: _is_row(context.types.row_id(text, Repository), "webhook.repository_id"),
            **named(context.connection, "webhook"),
        },
    )
    listing = Listing("webhook.*", "webhook", "webhook.name", "name", key_type=str, where=where)
    return await context.loaders.page(request(listing, arguments, edges_of(Webhook)))


async def deliveries(
    context: Context,
    arguments: PageArguments,
    *,
    filter: Mapping[str, Any] | None = None,
    webhook_id: UUID | None = None,
) -> Page[Edge[WebhookDelivery]]:
    """Return a page of deliveries, the newest first: of one webhook, or of all."""
    conditions = [
        Condition("delivery.is_matched"),
        ANY if webhook_id is None else _is_row(webhook_id, "delivery.webhook_id"),
        # Those of a deleted webhook go a little later.
        Condition("EXISTS (SELECT 1 FROM webhook WHERE webhook.id = delivery.webhook_id)"),
        compiled(
            filter,
            {
                "webhook": lambda text: _is_row(context.types.row_id(text, Webhook), "delivery.webhook_id"),
                "state": lambda states: one_of("delivery.state", [state.value for state in states]),
                "event": lambda events: one_of("delivery.event", [event.value for event in events]),
                "created_after": lambda time: Condition("delivery.created_at > ?", (time.astimezone(UTC),)),
                "created_before": lambda time: Condition("delivery.created_at < ?", (time.astimezone(UTC),)),
            },
        ),
    ]
    source = "webhook_delivery delivery"
    listing = Listing(
        "delivery.*", source, "delivery.id", "id", key_type=int, where=every(conditions), is_descending=True
    )
    return await context.loaders.page(request(listing, arguments, edges_of(WebhookDelivery)))


def _is_row(row_id: UUID | None, column: str) -> Condition:
    return Condition(f"{column} = ?", (str(row_id),)) if row_id else NONE


async def create(context: Context, values: Mapping[str, Any], shown: Mapping[str, Any]) -> tuple[Webhook, str]:
    """Create a webhook; return it and its secret.

    Args:
        context: The operation.
        values: The input.
        shown: The same, as the API names it.

    Raises:
        RequestError: Something of it cannot be.
    """

    async def step(work: UnitOfWork) -> tuple[Webhook, str]:
        given = await _given(work, context, {name: value for name, value in values.items() if value is not None}, shown)
        return await service.create(work, NewWebhook(**given))

    return await change(context, step)


async def update(context: Context, values: Mapping[str, Any], shown: Mapping[str, Any]) -> Webhook:
    """Change what the input holds of a webhook; the arguments are those of `create`.

    Raises:
        RevisionConflict: It was changed since the revision that the client expected.
        RequestError: Something of it cannot be; nothing was changed.
    """

    async def step(work: UnitOfWork) -> Webhook:
        webhook = await wanted(work, context, values["id"], Webhook, "id")
        changes = without(values, "id", "expected_revision")
        refuse_null(changes, "name", "url", "events")
        changes = await _given(work, context, changes, shown)
        return await service.update(work, webhook, changes=changes, expected_revision=values.get("expected_revision"))

    return await change(context, step)


async def delete(context: Context, id: str) -> Webhook:
    """Delete a webhook.

    Raises:
        NotFound: There is none with this id.
    """

    async def step(work: UnitOfWork) -> Webhook:
        return await service.delete(work, await wanted(work, context, id, Webhook, "id"))

    return await change(context, step)


async def pause(context: Context, id: str) -> Webhook:
    """Pause a webhook.

    Raises:
        NotFound: There is none with this id.
    """

    async def step(work: UnitOfWork) -> Webhook:
        return await service.pause(work, await wanted(work, context, id, Webhook, "id"))

    return await change(context, step)


async def resume(context: Context, id: str) -> Webhook:
    """Resume a webhook, whether it was paused or disabled.

    Raises:
        NotFound: There is none with this id.
    """

    async def step(work: UnitOfWork) -> Webhook:
        return await service.resume(work, await wanted(work, context, id, Webhook, "id"))

    return await change(context, step)


async def rotate_secret(context: Context, id: str, keep_previous_seconds: int | None) -> tuple[Webhook, str]:
    """Give a webhook another secret; return it.

    Raises:
        NotFound: There is none with this id.
        Invalid: The secret before cannot count for so long.
    """

    async def step(work: UnitOfWork) -> tuple[Webhook, str]:
        webhook = await wanted(work, context, id, Webhook, "id")
        return await service.rotate_secret(work, webhook, keep_previous_seconds)

    return await change(context, step)


async def test(context: Context, id: str) -> WebhookDelivery:
    """Let a webhook be sent a message that tells of nothing.

    Raises:
        NotFound: There is none with this id.
    """

    async def step(work: UnitOfWork) -> WebhookDelivery:
        return await webhook_delivery.ping(work, await wanted(work, context, id, Webhook, "id"))

    return await change(context, step)


async def redeliver(context: Context, id: str) -> WebhookDelivery:
    """Let a delivery be sent again.

    Raises:
        NotFound: There is none with this id.
    """
    return await change(context, lambda work: webhook_delivery.redeliver(work, id))


async def _given(
    work: UnitOfWork, context: Context, values: Mapping[str, Any], shown: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the fields of an input as the service takes them."""
    given = without(values, "repository", "task_filter")
    if "repository" in values:
        repository = await wanted_or_none(work, context, values["repository"], Repository, "repository")
        given["repository_id"] = repository.id if repository else None
    if "task_filter" in values:
        task_filter = values["task_filter"]
        given["task_filter"] = task_filter and TaskFilter(shown["taskFilter"], _condition(context, task_filter))
    return given


def _condition(context: Context, filter: Mapping[str, Any]) -> dict[str, Any]:
    """Return a filter on tasks as `filters.task` takes it.

    Raises:
        LimitExceeded: It nests too deep, or holds too many conditions.
        Invalid: It holds a text that cannot be stored.
    """
    check_size(filter)
    return {name: _plain(context, name, value) for name, value in filter.items() if value is not None}


def _plain(context: Context, name: str, value: Any) -> Any:
    if name in ("and", "or"):
        return [_condition(context, part) for part in value]
    if name == "not":
        return _condition(context, value)
    if name in _ID_MODELS:
        row_id = context.types.row_id(value, _ID_MODELS[name])
        return str(row_id) if row_id else ""
    if name in ("created_after", "created_before"):
        return value.astimezone(UTC).isoformat()
    if name == "state":
        return [state.value for state in value]
    if not all(map(is_findable, _texts(name, value))):
        raise Invalid(field=name, reason="it holds a character that nothing has", path=("task_filter",))
    return value


def _texts(name: str, value: Any) -> Sequence[str]:
    """Return the texts that a condition on texts looks for."""
    if name == "label":
        return [text for label in value for text in label.values() if text is not None]
    return [value] if name == "user" else value
