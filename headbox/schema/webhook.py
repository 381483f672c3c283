"""Webhooks and their deliveries."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from headbox import models
from headbox.resolvers import webhook as resolver
from headbox.resolvers.paging import Page
from headbox.schema.connection import After, Connection, First, connection_of, page_arguments
from headbox.schema.enums import WebhookDeliveryState, WebhookEvent, WebhookState
from headbox.schema.errors import UserError
from headbox.schema.fields import field, mutation
from headbox.schema.filters import TaskFilter, WebhookDeliveryFilter, WebhookFilter
from headbox.schema.info import Info, lazy
from headbox.schema.inputs import EXPECTED_REVISION, LABELS, as_given, optional, plain
from headbox.schema.node import Node
from headbox.schema.scalars import JSON

Row = strawberry.Parent[models.Webhook]
DeliveryRow = strawberry.Parent[models.WebhookDelivery]
WebhookId = Annotated[strawberry.ID, strawberry.argument(description="Id of the webhook.")]
NAME = "Its name: no other webhook has it; 1 to 255 characters."
URL = (
    "Where messages are sent by POST: an address that begins with `https://` or `http://`, of at most 2,000 characters."
    " Whoever can read it here can send there, too: the signature tells who it is from."
)
EVENTS = "What it is told."
REPOSITORY = "The repository that it is told about: what happens elsewhere is not its business."
TASK_FILTER = "Of what happens to tasks, it is told about those that match when it happens."
SHOWN_ONCE = (
    "What messages are signed with, as the Standard Webhooks specification has it. It is shown now and never again:"
    " give it to the receiver."
)


@strawberry.type(description="One try to deliver a message.")
class WebhookAttempt:
    """Stands over a document of `services.webhook_delivery.Attempt`."""

    milliseconds: int = strawberry.field(description="How long it took.")
    status: int | None = strawberry.field(description="HTTP status of the answer; null where there was none.")
    error: str | None = strawberry.field(description="Why it failed, for people; null where it did not.")
    answer: str = strawberry.field(description="The first bytes of the answer, at most 1,024, as text.")

    @field(description="When it began.", graphql_type=datetime)
    @staticmethod
    def at(root: strawberry.Parent[dict[str, Any]]) -> datetime:
        return datetime.fromisoformat(root["at"])


@strawberry.type(description="One message to one webhook. It is kept for a while after it has ended.")
class WebhookDelivery:
    """Stands over `models.WebhookDelivery`."""

    event: WebhookEvent = strawberry.field(description="What happened.")
    created_at: datetime = strawberry.field(description="When it happened.")
    state: WebhookDeliveryState = strawberry.field(description="Where it stands.")
    ended_at: datetime | None = strawberry.field(description="When it was delivered or given up; null before that.")
    attempts: list[WebhookAttempt] = strawberry.field(description="The last tries, in order: at most 20.")

    @field(
        description="Its id: the header `webhook-id` that the receiver gets, at every try.", graphql_type=strawberry.ID
    )
    @staticmethod
    def id(root: DeliveryRow) -> str:
        return root.message_id

    @field(description="How often it was tried.", graphql_type=int)
    @staticmethod
    def attempt_count(root: DeliveryRow) -> int:
        return root.attempt

    @field(
        description="HTTP status of the last answer; null where the last try got none, and before the first one.",
        graphql_type=int | None,
    )
    @staticmethod
    def last_status(root: DeliveryRow) -> int | None:
        return root.attempts[-1]["status"] if root.attempts else None

    @field(
        description="Why the last try failed, for people; null where it did not, and before the first one.",
        graphql_type=str | None,
    )
    @staticmethod
    def last_error(root: DeliveryRow) -> str | None:
        return root.attempts[-1]["error"] if root.attempts else None

    @field(
        description="Not tried again before; null when it has ended. While it is tried, until when that may take.",
        graphql_type=datetime | None,
    )
    @staticmethod
    def next_attempt_at(root: DeliveryRow) -> datetime | None:
        return root.due_at if root.state is WebhookDeliveryState.WAITING else None

    @field(description="Whom it is for; null when that was deleted.", graphql_type=lazy("Webhook", "webhook") | None)
    @staticmethod
    def webhook(root: DeliveryRow, info: Info) -> Awaitable[models.Webhook | None]:
        return info.context.loaders.webhook.load(root.webhook_id)


@strawberry.type(description="An address that is told of what happens, by signed messages.")
class Webhook(Node):
    """Stands over `models.Webhook`."""

    name: str = strawberry.field(description=NAME)
    labels: JSON = strawberry.field(description=LABELS)
    revision: int = strawberry.field(description="One more at every update; from 1.")
    created_at: datetime = strawberry.field(description="When it was created.")
    url: str = strawberry.field(description=URL)
    task_filter: JSON | None = strawberry.field(description=f"{TASK_FILTER} Null for all; a `TaskFilter`.")
    state: WebhookState = strawberry.field(description="Whether it is told.")
    disabled_reason: str | None = strawberry.field(description="Why it was disabled; null when it is not.")
    failures: int = strawberry.field(description="Tries that failed since one did not.")
    failing_since: datetime | None = strawberry.field(
        description="When the first of them was; null when there is none."
    )
    previous_secret_until: datetime | None = strawberry.field(
        description="Until when messages are signed with the secret before the current one, too; null where there was"
        " none before."
    )

    @field(description=EVENTS, graphql_type=list[WebhookEvent])
    @staticmethod
    def events(root: Row) -> list[WebhookEvent]:
        return [WebhookEvent(event) for event in root.events]

    @field(description="Whether it is told about all repositories, and what is about none.", graphql_type=bool)
    @staticmethod
    def is_global(root: Row) -> bool:
        return root.repository_id is None

    @field(
        description=f"{REPOSITORY} Null for all, and when it is gone.",
        graphql_type=lazy("Repository", "repository") | None,
    )
    @staticmethod
    def repository(root: Row, info: Info) -> Awaitable[models.Repository | None] | None:
        return info.context.loaders.repository.load(root.repository_id) if root.repository_id else None

    @field(description="What it was told, the newest first.", graphql_type=connection_of(WebhookDelivery))
    @staticmethod
    async def deliveries(
        root: Row,
        info: Info,
        filter: Annotated[WebhookDeliveryFilter | None, strawberry.argument(description="Which of them.")] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> Page[Any]:
        arguments = page_arguments(first, after)
        return await resolver.deliveries(info.context, arguments, filter=plain(filter) or None, webhook_id=root.id)


@strawberry.input(description="A webhook to create.")
class CreateWebhookInput:
    """See `resolvers.webhook.create`."""

    name: str = strawberry.field(description=NAME)
    url: str = strawberry.field(description=URL)
    events: list[WebhookEvent] | None = optional(f"{EVENTS} All but pings when left out.")
    repository: strawberry.ID | None = optional(f"{REPOSITORY} All when left out.")
    task_filter: TaskFilter | None = optional(f"{TASK_FILTER} All when left out.")
    labels: JSON | None = optional(LABELS)


@strawberry.input(description="Changes of a webhook; what is left out stays as it is.")
class UpdateWebhookInput:
    """See `resolvers.webhook.update`."""

    id: strawberry.ID = strawberry.field(description="Id of the webhook.")
    expected_revision: int | None = optional(EXPECTED_REVISION)
    name: str | None = optional(NAME)
    url: str | None = optional(URL)
    events: list[WebhookEvent] | None = optional(f"{EVENTS} All of it: what is not here is told no more.")
    repository: strawberry.ID | None = optional(f"{REPOSITORY} Null for all.")
    task_filter: TaskFilter | None = optional(f"{TASK_FILTER} Null for all.")
    labels: JSON | None = optional(f"{LABELS} All of them: what is not here is taken away.")


@strawberry.type(description="What became of a creation.")
class CreateWebhookPayload:
    """See `resolvers.webhook.create`."""

    webhook: Webhook | None = strawberry.field(description="The webhook; null when there is none.")
    secret: str | None = strawberry.field(description=f"{SHOWN_ONCE} Null when there is no webhook.")
    errors: list[UserError] = strawberry.field(description="Why it was not created.")


@strawberry.type(description="What became of an update.")
class UpdateWebhookPayload:
    """See `resolvers.webhook.update`."""

    webhook: Webhook | None = strawberry.field(description="The webhook; null when nothing was changed.")
    errors: list[UserError] = strawberry.field(description="Why nothing was changed.")


@strawberry.type(description="What became of a deletion.")
class DeleteWebhookPayload:
    """See `resolvers.webhook.delete`."""

    webhook: Webhook | None = strawberry.field(description="The webhook as it was; null when it still is.")
    errors: list[UserError] = strawberry.field(description="Why it was not deleted.")


@strawberry.type(description="What became of a pause.")
class PauseWebhookPayload:
    """See `resolvers.webhook.pause`."""

    webhook: Webhook | None = strawberry.field(description="The webhook; null when nothing was changed.")
    errors: list[UserError] = strawberry.field(description="Why nothing was changed.")


@strawberry.type(description="What became of a resumption.")
class ResumeWebhookPayload:
    """See `resolvers.webhook.resume`."""

    webhook: Webhook | None = strawberry.field(description="The webhook; null when nothing was changed.")
    errors: list[UserError] = strawberry.field(description="Why nothing was changed.")


@strawberry.type(description="What became of a new secret.")
class RotateWebhookSecretPayload:
    """See `resolvers.webhook.rotate_secret`."""

    webhook: Webhook | None = strawberry.field(description="The webhook; null when nothing was changed.")
    secret: str | None = strawberry.field(description=f"{SHOWN_ONCE} Null when nothing was changed.")
    errors: list[UserError] = strawberry.field(description="Why nothing was changed.")


@strawberry.type(description="What became of a test.")
class TestWebhookPayload:
    """See `resolvers.webhook.test`."""

    delivery: WebhookDelivery | None = strawberry.field(description="The message; null when none is sent.")
    errors: list[UserError] = strawberry.field(description="Why none is sent.")


@strawberry.type(description="What became of another delivery.")
class RedeliverWebhookDeliveryPayload:
    """See `resolvers.webhook.redeliver`."""

    delivery: WebhookDelivery | None = strawberry.field(description="The delivery; null when nothing is sent.")
    errors: list[UserError] = strawberry.field(description="Why nothing is sent.")


@strawberry.type
class WebhookQueries:
    """Where webhooks are found."""

    @field(description="All webhooks, by name.", graphql_type=Connection[Webhook])
    async def webhooks(
        self,
        info: Info,
        filter: Annotated[WebhookFilter | None, strawberry.argument(description="Which of them.")] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> Page[Any]:
        return await resolver.page(info.context, page_arguments(first, after), filter=plain(filter) or None)

    @field(description="The webhook with a name; null where there is none.", graphql_type=Webhook | None)
    async def webhook(
        self, name: Annotated[str, strawberry.argument(description="Its name.")]
    ) -> models.Webhook | None:
        return await resolver.find(name)

    @field(description="What all webhooks were told, the newest first.", graphql_type=connection_of(WebhookDelivery))
    async def webhook_deliveries(
        self,
        info: Info,
        filter: Annotated[WebhookDeliveryFilter | None, strawberry.argument(description="Which of it.")] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> Page[Any]:
        return await resolver.deliveries(info.context, page_arguments(first, after), filter=plain(filter) or None)


@strawberry.type
class WebhookMutations:
    """How webhooks are changed."""

    @mutation(description="Create a webhook: it is told what happens from now on.", graphql_type=CreateWebhookPayload)
    async def create_webhook(
        self, info: Info, input: Annotated[CreateWebhookInput, strawberry.argument(description="What to create.")]
    ) -> dict[str, Any]:
        webhook, secret = await resolver.create(info.context, plain(input), as_given(input))
        return {"webhook": webhook, "secret": secret}

    @mutation(
        description="Change a webhook. What happened before is told as it was to be then, but to the new address.",
        graphql_type=UpdateWebhookPayload,
    )
    async def update_webhook(
        self, info: Info, input: Annotated[UpdateWebhookInput, strawberry.argument(description="What to change.")]
    ) -> dict[str, Any]:
        return {"webhook": await resolver.update(info.context, plain(input), as_given(input))}

    @mutation(
        description="Delete a webhook, and what it was told: what waits is not sent any more.",
        graphql_type=DeleteWebhookPayload,
    )
    async def delete_webhook(self, info: Info, id: WebhookId) -> dict[str, Any]:
        return {"webhook": await resolver.delete(info.context, id)}

    @mutation(
        description="Send a webhook nothing until it is resumed. What happens meanwhile is kept for it, as long as"
        " deliveries are.",
        graphql_type=PauseWebhookPayload,
    )
    async def pause_webhook(self, info: Info, id: WebhookId) -> dict[str, Any]:
        return {"webhook": await resolver.pause(info.context, id)}

    @mutation(
        description="Resume a webhook that is paused or disabled; what waits for it is sent first.",
        graphql_type=ResumeWebhookPayload,
    )
    async def resume_webhook(self, info: Info, id: WebhookId) -> dict[str, Any]:
        return {"webhook": await resolver.resume(info.context, id)}

    @mutation(
        description="Give a webhook another secret. For a while, messages are signed with the one before, too.",
        graphql_type=RotateWebhookSecretPayload,
    )
    async def rotate_webhook_secret(
        self,
        info: Info,
        id: WebhookId,
        keep_previous_seconds: Annotated[
            int | None,
            strawberry.argument(
                description="How long the secret before counts, in seconds: a day when left out, at most 30 days, and 0"
                " where it has become known."
            ),
        ] = UNSET,
    ) -> dict[str, Any]:
        seconds = None if keep_previous_seconds is UNSET else keep_previous_seconds
        webhook, secret = await resolver.rotate_secret(info.context, id, seconds)
        return {"webhook": webhook, "secret": secret}

    @mutation(
        description="Send a webhook a message that tells of nothing, whatever events it asks for; its `deliveries` show"
        " what comes of it.",
        graphql_type=TestWebhookPayload,
    )
    async def test_webhook(self, info: Info, id: WebhookId) -> dict[str, Any]:
        return {"delivery": await resolver.test(info.context, id)}

    @mutation(
        description="Send a delivery again at once, whether it was delivered, given up or waits: by the same id and"
        " with the same body.",
        graphql_type=RedeliverWebhookDeliveryPayload,
    )
    async def redeliver_webhook_delivery(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Id of the delivery: its `webhook-id`.")],
    ) -> dict[str, Any]:
        return {"delivery": await resolver.redeliver(info.context, id)}
