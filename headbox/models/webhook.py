"""Webhooks: whom to tell what happens, and what they were told."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tortoise import fields
from tortoise.models import Model

from headbox.models.base import Row
from headbox.types import WebhookDeliveryState, WebhookEvent, WebhookState

#: Longest id of a message, in characters: "msg_" and 32 hexadecimal digits.
MAX_MESSAGE_ID = 36


class Webhook(Row):
    """An address that is told of what happens. The triggers of the migrations read its rows."""

    name = fields.CharField(max_length=255, unique=True)
    revision = fields.IntField(default=1)
    labels: fields.JSONField[dict[str, str]] = fields.JSONField(default=dict)
    url = fields.TextField()
    # Values of `WebhookEvent`.
    events: fields.JSONField[list[str]] = fields.JSONField(default=list)
    # What it is told about; None for all. Not a foreign key: the last events of a repository are told when it is gone.
    repository_id = fields.UUIDField(null=True)
    # Which tasks it is told about, as the client gave it; None for all.
    task_filter: fields.JSONField[dict[str, Any] | None] = fields.JSONField(null=True)
    # The same with ids of rows in place of global ids, see `filters.task`.
    task_condition: fields.JSONField[dict[str, Any] | None] = fields.JSONField(null=True)
    # The secret, and the one before it, as one encrypted JSON object.
    secrets = fields.TextField()
    # Until when messages are signed with the secret before, too.
    previous_secret_until = fields.DatetimeField(null=True)
    state = fields.CharEnumField(WebhookState, max_length=10, default=WebhookState.ACTIVE)
    disabled_reason = fields.TextField(null=True)
    # Tries that failed since one did not, and when the first of them was.
    failures = fields.IntField(default=0)
    failing_since = fields.DatetimeField(null=True)
    # Nothing is sent before: it failed a moment ago.
    rests_until = fields.DatetimeField(null=True)

    class Meta(Model.Meta):
        table = "webhook"


class WebhookDelivery(Model):
    """One message to one webhook: the outbox and the log. Triggers write it with what it tells of."""

    # In the order of what happened, as far as transactions have one.
    id = fields.BigIntField(primary_key=True)
    # Not a foreign key: whoever deletes a webhook must not fail a task that tells it something at this moment.
    webhook_id = fields.UUIDField()
    # What the receiver knows it by, the same at every try.
    message_id = fields.CharField(max_length=MAX_MESSAGE_ID, unique=True)
    event = fields.CharEnumField(WebhookEvent, max_length=32)
    # The columns that it tells of, as they were.
    document: fields.JSONField[dict[str, Any]] = fields.JSONField()
    created_at = fields.DatetimeField()
    # False until it was looked whether the webhook's filter holds: then it is so, or there is no such delivery.
    is_matched = fields.BooleanField()
    state = fields.CharEnumField(WebhookDeliveryState, max_length=10)
    # How often it was tried, all in all; the fence of what a try writes.
    attempt = fields.IntField()
    # When it was first tried, since it was made or was last asked for again.
    first_attempt_at: fields.DatetimeField[datetime | None] = fields.DatetimeField(null=True)
    # Not tried before. While it is tried, when whoever does that counts as lost.
    due_at = fields.DatetimeField()
    # The last tries, in order: {"at", "status", "milliseconds", "error", "answer"}.
    attempts: fields.JSONField[list[dict[str, Any]]] = fields.JSONField()
    ended_at: fields.DatetimeField[datetime | None] = fields.DatetimeField(null=True)

    class Meta(Model.Meta):
        table = "webhook_delivery"
        indexes = (("webhook_id", "id"),)
