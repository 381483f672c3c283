"""Webhooks: whom to tell what happens.

What happens is written down by triggers (see the migration that makes them), for each webhook that is told of it and in
the transaction that makes it so; `services.webhook_delivery` is about what becomes of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from headbox.download.addresses import may_be_public_host
from headbox.download.urls import parse_url
from headbox.errors import Invalid, LimitExceeded, NotPermitted
from headbox.models import Webhook
from headbox.models.cipher import Cipher
from headbox.models.database import now
from headbox.services import webhook_delivery as deliveries
from headbox.services.documents import check_labels, check_name
from headbox.services.rows import check_name_is_free, check_revision, locked
from headbox.services.webhook_secret import SecretLost, Secrets
from headbox.tasking.engine import UnitOfWork
from headbox.types import WebhookEvent, WebhookState

#: Longest address, in characters.
MAX_URL = 2_000
#: How long the secret before a new one counts unless it is said, and at the most, in seconds.
PREVIOUS_SECRET_SECONDS, MAX_PREVIOUS_SECRET_SECONDS = 86_400, 30 * 86_400
#: All that can be asked for.
ALL_EVENTS = tuple(event for event in WebhookEvent if event is not WebhookEvent.PING)


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks a webhook is told about.

    Attributes:
        shown: As the client gave it.
        condition: The same as `filters.task` takes it.
    """

    shown: dict[str, Any]
    condition: dict[str, Any]


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """A webhook to create."""

    name: str
    url: str
    events: Sequence[WebhookEvent] = ALL_EVENTS
    repository_id: UUID | None = None
    task_filter: TaskFilter | None = None
    labels: dict[str, Any] | None = None


async def create(work: UnitOfWork, new: NewWebhook) -> tuple[Webhook, str]:
    """Create a webhook; return it and its secret, which nobody can be told again.

    Raises:
        NameTaken: Another webhook has the name.
        LimitExceeded: There are as many as there may be.
        RequestError: Something of it cannot be.
    """
    secrets = Secrets.made()
    webhook = Webhook(
        name=check_name(new.name),
        labels=check_labels(new.labels),
        url=_check_url(work, new.url),
        events=_check_events(new.events),
        repository_id=new.repository_id,
        secrets=secrets.stored(work.cipher),
    )
    _filter(webhook, new.task_filter)
    await check_name_is_free(work.connection, webhook)
    limit = work.settings.webhook.max_number
    if await Webhook.all().using_db(work.connection).count() >= limit:
        raise LimitExceeded(what="The number of webhooks", limit=limit)
    await webhook.save(using_db=work.connection, force_create=True)
    return await Webhook.get(id=webhook.id, using_db=work.connection), secrets.current


async def update(
    work: UnitOfWork, webhook: Webhook, *, changes: dict[str, Any], expected_revision: int | None
) -> Webhook:
    """Change what `changes` holds: fields of `NewWebhook`. What happened before is told as it was to be then.

    Raises:
        RevisionConflict: It is not at the revision that the update was made for.
        RequestError: As `create`.
    """
    webhook = await locked(work.connection, webhook)
    check_revision(webhook, expected_revision)
    webhook.revision += 1
    if "name" in changes:
        webhook.name = check_name(changes["name"])
        await check_name_is_free(work.connection, webhook)
    if "labels" in changes:
        webhook.labels = check_labels(changes["labels"])
    if "url" in changes:
        webhook.url = _check_url(work, changes["url"])
    if "events" in changes:
        webhook.events = _check_events(changes["events"])
    if "task_filter" in changes:
        while await deliveries.match(work.connection, webhook.id):
            pass
        _filter(webhook, changes["task_filter"])
    webhook.repository_id = changes.get("repository_id", webhook.repository_id)
    await webhook.save(using_db=work.connection)
    return await Webhook.get(id=webhook.id, using_db=work.connection)


async def delete(work: UnitOfWork, webhook: Webhook) -> Webhook:
    """Delete a webhook: it is told nothing any more. Its deliveries go behind it, see `webhook_delivery.purge`."""
    webhook = await locked(work.connection, webhook)
    await webhook.delete(using_db=work.connection)
    return webhook


async def pause(work: UnitOfWork, webhook: Webhook) -> Webhook:
    """Send a webhook nothing until it is resumed; what happens meanwhile is kept for it."""
    webhook = await locked(work.connection, webhook)
    if webhook.state is WebhookState.ACTIVE:
        webhook.state = WebhookState.PAUSED
        await webhook.save(using_db=work.connection, update_fields=["state"])
    return webhook


async def resume(work: UnitOfWork, webhook: Webhook) -> Webhook:
    """Let a webhook be told again, whether it was paused or disabled, what was kept for it first."""
    webhook = await locked(work.connection, webhook)
    resumed = {
        "state": WebhookState.ACTIVE,
        "disabled_reason": None,
        "failures": 0,
        "failing_since": None,
        "rests_until": None,
    }
    await webhook.update_from_dict(resumed).save(using_db=work.connection, update_fields=list(resumed))
    work.webhook_waits(webhook.id)
    return webhook


async def rotate_secret(work: UnitOfWork, webhook: Webhook, keep_previous_seconds: int | None) -> tuple[Webhook, str]:
    """Give a webhook another secret; return it, which nobody can be told again.

    Args:
        work: The transaction.
        webhook: Which.
        keep_previous_seconds: How long messages are signed with the secret before, too; None for a day. Of the secret
            before that, nothing is kept.

    Raises:
        Invalid: It is no such time.
    """
    seconds = PREVIOUS_SECRET_SECONDS if keep_previous_seconds is None else keep_previous_seconds
    if not 0 <= seconds <= MAX_PREVIOUS_SECRET_SECONDS:
        reason = f"it is a number from 0 to {MAX_PREVIOUS_SECRET_SECONDS}"
        raise Invalid(field="keep_previous_seconds", reason=reason, path=("keep_previous_seconds",))
    webhook = await locked(work.connection, webhook)
    made = Secrets.made().current
    previous = _current(webhook, work.cipher) if seconds else None
    until = await now(work.connection) + timedelta(seconds=seconds)
    webhook.secrets = Secrets(made, previous).stored(work.cipher)
    webhook.update_from_dict({"previous_secret_until": until if previous else None})
    await webhook.save(using_db=work.connection, update_fields=["secrets", "previous_secret_until"])
    return webhook, made


def _current(webhook: Webhook, cipher: Cipher) -> str | None:
    """Return the secret of a webhook, or None where nobody can read it any more."""
    try:
        return Secrets.of(webhook, cipher).current
    except SecretLost:
        return None


def _filter(webhook: Webhook, task_filter: TaskFilter | None) -> None:
    webhook.task_filter = task_filter.shown if task_filter else None
    webhook.task_condition = task_filter.condition if task_filter else None


def _check_url(work: UnitOfWork, text: str) -> str:
    """Return an address that messages can be sent to, as far as can be known now.

    Raises:
        Invalid: It is none.
        NotPermitted: It is private, and the settings do not permit that.
    """
    try:
        url = parse_url(text)
        host = url.host
    except ValueError as error:
        raise Invalid(field="url", reason="it is no URL", path=("url",)) from error
    faults = {
        f"it is longer than {MAX_URL} characters": len(text) > MAX_URL,
        "it begins with http:// or https://, and names a host": url.scheme not in ("http", "https") or not host,
        "it has no user name and no password": url.raw_user is not None or url.raw_password is not None,
        "it has no fragment": bool(url.raw_fragment),
        "it holds white space or control characters": not text.isprintable() or " " in text,
    }
    for reason, is_so in faults.items():
        if is_so:
            raise Invalid(field="url", reason=reason, path=("url",))
    if not work.settings.webhook.private_addresses and not may_be_public_host(host or ""):
        hint = "Set HEADBOX_WEBHOOK_PRIVATE_ADDRESSES to true if receivers may lie in the private network."
        raise NotPermitted(what=f"Sending to {text}", reason="its address is not public", path=("url",), hint=hint)
    return text


def _check_events(events: Sequence[WebhookEvent]) -> list[str]:
    if not events:
        raise Invalid(field="events", reason="there is at least one", path=("events",))
    if WebhookEvent.PING in events:
        raise Invalid(field="events", reason="pings are sent by testWebhook alone", path=("events",))
    return sorted({event.value for event in events})
