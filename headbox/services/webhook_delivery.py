"""Deliveries of webhooks: which are due, who tries them, and what comes of it.

A delivery is taken by one UPDATE, for as long as a try may last: whoever is lost meanwhile leaves it to others. What a
try comes to is written only while no other one was begun. So a message is sent at least once, always by the same id.
"""

from __future__ import annotations

import logging
import random
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from headbox.errors import NotFound
from headbox.filters import task as filters
from headbox.filters.conditions import is_findable
from headbox.models import Webhook, WebhookDelivery
from headbox.models.database import (
    Connection,
    delete_in_batches,
    execute,
    fetch,
    lock_row,
    model_from,
    now,
)
from headbox.models.webhook import MAX_MESSAGE_ID
from headbox.settings import WebhookSettings
from headbox.tasking.engine import Engine, UnitOfWork
from headbox.types import WebhookDeliveryState, WebhookEvent, WebhookState, uuid7

#: Added to the time that a try may take until it counts as lost, in seconds.
CLAIM_MARGIN_SECONDS = 2.0
#: Deliveries that are matched at a time.
BATCH = 500
#: Tries that are remembered of one delivery: the last ones.
MAX_ATTEMPTS_KEPT = 20
#: How much longer each wait between two tries is than the one before.
BACKOFF_FACTOR = 4
#: Longest time that a webhook which failed is sent nothing, in seconds; the first time is a part of the first backoff.
MAX_REST_SECONDS, REST_PART = 300.0, 0.2
#: A webhook is disabled only when at least so many tries failed in a row.
MIN_FAILURES = 10

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one try.

    Attributes:
        at: When it began.
        milliseconds: How long it took.
        status: HTTP status of the answer, or None when there was none.
        error: Why it failed, or None when it did not.
        answer: The first bytes of the answer, as text.
        retry_after_seconds: How long the receiver asks to be left alone, or None when it does not say.
        is_gone: Whether the receiver wants nothing any more.
    """

    at: datetime
    milliseconds: int
    status: int | None
    error: str | None
    answer: str = ""
    retry_after_seconds: float | None = None
    is_gone: bool = False

    def document(self) -> dict[str, Any]:
        """Return the try as it is remembered."""
        kept = asdict(self)
        del kept["retry_after_seconds"], kept["is_gone"]
        return {**kept, "at": self.at.isoformat()}


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits to be sent.

    Attributes:
        waiting: How many deliveries.
        oldest: When the first of them happened, or None when there is none.
    """

    waiting: int
    oldest: datetime | None


async def match(connection: Connection, webhook_id: UUID | None = None) -> int:
    """Look whether filters on tasks hold for what was written down; return how many deliveries were looked at.

    Args:
        connection: Any.
        webhook_id: Whose; None for all.
    """
    of_webhook, parameters = ("", []) if webhook_id is None else (" AND webhook_id = ?", [str(webhook_id)])
    rows = await fetch(
        connection,
        "SELECT id, webhook_id, document FROM webhook_delivery"  # noqa: S608
        f" WHERE NOT is_matched{of_webhook} ORDER BY webhook_id, id LIMIT {BATCH}",
        parameters,
    )
    if not rows:
        return 0
    # Read after the deliveries: whoever changes a filter matches first what was written down for the old one.
    webhooks = await Webhook.filter(id__in={row["webhook_id"] for row in rows}).using_db(connection)
    conditions = {str(webhook.id): webhook.task_condition for webhook in webhooks}
    kept: list[int] = []
    dropped: list[int] = []
    for row in rows:
        condition = conditions.get(str(row["webhook_id"]))
        is_match = condition is None or filters.matches(condition, _document(row["document"]))
        (kept if is_match else dropped).append(row["id"])
    for statement, ids in (
        ("UPDATE webhook_delivery SET is_matched = ? WHERE", kept),
        ("DELETE FROM webhook_delivery WHERE is_matched <> ? AND", dropped),
    ):
        if ids:
            await execute(connection, f"{statement} id IN ({', '.join('?' * len(ids))})", [True, *ids])
    return len(rows)


def _document(stored: str | dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = orjson.loads(stored) if isinstance(stored, str) else stored
    return document


async def due(connection: Connection) -> list[UUID]:
    """Return the webhooks that something can be sent to now."""
    time = await now(connection)
    rows = await fetch(
        connection,
        "SELECT id FROM webhook WHERE state = 'active' AND (rests_until IS NULL OR rests_until <= ?)"
        " AND EXISTS (SELECT 1 FROM webhook_delivery delivery WHERE delivery.webhook_id = webhook.id"
        "             AND delivery.state = 'waiting' AND delivery.is_matched AND delivery.due_at <= ?)",
        [time, time],
    )
    return [UUID(str(row["id"])) for row in rows]


async def take(
    connection: Connection, webhook_id: UUID, settings: WebhookSettings
) -> tuple[Webhook, WebhookDelivery] | None:
    """Take the delivery of a webhook that is due first, with one statement; None when none can be sent now."""
    time = await now(connection)
    webhook = await Webhook.get_or_none(id=webhook_id, using_db=connection)
    if webhook is None or webhook.state is not WebhookState.ACTIVE:
        return None
    if webhook.rests_until is not None and webhook.rests_until > time:
        return None
    rows = await fetch(
        connection,
        "UPDATE webhook_delivery SET attempt = attempt + 1, due_at = ?,"
        " first_attempt_at = COALESCE(first_attempt_at, ?)"
        " WHERE id = (SELECT id FROM webhook_delivery WHERE webhook_id = ? AND state = 'waiting' AND is_matched"
        "             AND due_at <= ? ORDER BY due_at, id LIMIT 1)"
        # Once more, for who waited for another one that took it.
        " AND state = 'waiting' AND due_at <= ? RETURNING *",
        [
            time + timedelta(seconds=settings.timeout_seconds + CLAIM_MARGIN_SECONDS),
            time,
            str(webhook_id),
            time,
            time,
        ],
    )
    return (webhook, model_from(WebhookDelivery, rows[0])) if rows else None


async def give_back(connection: Connection, delivery: WebhookDelivery) -> None:
    """Let a delivery that was taken be due again: nobody knows what came of it."""
    await execute(
        connection,
        "UPDATE webhook_delivery SET due_at = ? WHERE id = ? AND attempt = ? AND state = 'waiting'",
        [await now(connection), delivery.id, delivery.attempt],
    )


async def record(work: UnitOfWork, delivery: WebhookDelivery, attempt: Attempt) -> WebhookDeliveryState | None:
    """Write what came of a try: of the delivery, and of its webhook.

    Returns:
        Where the delivery stands; or None where the try does not count any more.
    """
    connection = work.connection
    settings = work.settings.webhook
    await lock_row(connection, "webhook", delivery.webhook_id)
    webhook = await Webhook.get_or_none(id=delivery.webhook_id, using_db=connection)
    if webhook is None:
        return None
    time = await now(connection)
    state, due_at = next_step(delivery, attempt, time, settings)
    changed = await execute(
        connection,
        "UPDATE webhook_delivery SET state = ?, due_at = ?, ended_at = ?, attempts = ?"
        " WHERE id = ? AND attempt = ? AND state = 'waiting'",
        [
            state.value,
            due_at,
            None if state is WebhookDeliveryState.WAITING else time,
            orjson.dumps([*delivery.attempts, attempt.document()][-MAX_ATTEMPTS_KEPT:]).decode(),
            delivery.id,
            delivery.attempt,
        ],
    )
    if not changed:
        return None
    if attempt.error is not None:
        _failed(webhook, attempt, time, settings)
    elif webhook.failures:
        webhook.failures = 0
        webhook.failing_since = webhook.rests_until = None
    else:
        return state
    names = ["state", "disabled_reason", "failures", "failing_since", "rests_until"]
    await webhook.save(using_db=connection, update_fields=names)
    return state


def next_step(
    delivery: WebhookDelivery, attempt: Attempt, time: datetime, settings: WebhookSettings
) -> tuple[WebhookDeliveryState, datetime]:
    """Return where a delivery stands after a try, and when it is due again where it waits."""
    if attempt.error is None:
        return WebhookDeliveryState.DELIVERED, time
    if attempt.is_gone:
        return WebhookDeliveryState.FAILED, time
    # Of the tries since it was made or asked for again, whose number nobody keeps: by how long they took until now.
    assert delivery.first_attempt_at is not None, "it was taken"
    tried = (time - delivery.first_attempt_at).total_seconds()
    wait = min(max(settings.backoff_seconds, tried * (BACKOFF_FACTOR - 1)), settings.backoff_max_seconds)
    wait = max(_jittered(wait), min(attempt.retry_after_seconds or 0.0, settings.backoff_max_seconds))
    if tried + wait > timedelta(hours=settings.give_up_hours).total_seconds():
        return WebhookDeliveryState.FAILED, time
    return WebhookDeliveryState.WAITING, time + timedelta(seconds=wait)


def _failed(webhook: Webhook, attempt: Attempt, time: datetime, settings: WebhookSettings) -> None:
    """Let a webhook rest after a try that failed, and disable it where there were too many."""
    webhook.failures += 1
    webhook.failing_since = webhook.failing_since or time
    rest = settings.backoff_seconds * REST_PART * 2.0 ** min(webhook.failures - 1, 60)
    webhook.rests_until = time + timedelta(seconds=_jittered(min(rest, MAX_REST_SECONDS)))
    if webhook.state is not WebhookState.ACTIVE:
        return
    failing = time - webhook.failing_since
    if attempt.is_gone:
        reason = "its receiver answered that it is gone (410)"
    elif webhook.failures >= MIN_FAILURES and failing >= timedelta(hours=settings.disable_after_hours):
        reason = f"it has failed since {webhook.failing_since:%Y-%m-%d %H:%M} UTC, at last because {attempt.error}"
    else:
        return
    webhook.state = WebhookState.DISABLED
    webhook.disabled_reason = reason
    log.warning("a webhook is disabled", extra={"webhook": webhook.name, "reason": reason})


def _jittered(seconds: float) -> float:
    """Return a time between half of another one and all of it: many that failed together do not come back together."""
    return seconds * random.uniform(0.5, 1)  # noqa: S311 - jitter is no secret


async def ping(work: UnitOfWork, webhook: Webhook) -> WebhookDelivery:
    """Let a webhook be sent a message that tells of nothing."""
    time = await now(work.connection)
    delivery = await WebhookDelivery.create(
        webhook_id=webhook.id,
        message_id=f"msg_{uuid7().hex}",
        event=WebhookEvent.PING,
        document={"id": str(webhook.id), "name": webhook.name},
        created_at=time,
        is_matched=True,
        state=WebhookDeliveryState.WAITING,
        attempt=0,
        due_at=time,
        attempts=[],
        using_db=work.connection,
    )
    await _at_once(work, webhook.id)
    return delivery


async def redeliver(work: UnitOfWork, message_id: str) -> WebhookDelivery:
    """Let a delivery be sent again at once, by the id that it has, whether it has ended or waits.

    Raises:
        NotFound: There is none, or its webhook is gone.
    """
    connection = work.connection
    delivery = await _find(connection, message_id)
    if delivery is None:
        raise NotFound(what="WebhookDelivery", key=message_id, path=("id",))
    await _at_once(work, delivery.webhook_id)
    delivery.state = WebhookDeliveryState.WAITING
    delivery.due_at = await now(connection)
    delivery.first_attempt_at = delivery.ended_at = None
    names = ["state", "due_at", "first_attempt_at", "ended_at"]
    await delivery.save(using_db=connection, update_fields=names)
    return delivery


async def _find(connection: Connection, message_id: str) -> WebhookDelivery | None:
    """Return a delivery, with its webhook locked until the transaction ends, or None when either is gone."""
    if not is_findable(message_id, MAX_MESSAGE_ID):
        return None
    delivery = await WebhookDelivery.get_or_none(message_id=message_id, is_matched=True, using_db=connection)
    if delivery is None:
        return None
    # Before the delivery is changed, as whoever writes what came of a try.
    await lock_row(connection, "webhook", delivery.webhook_id)
    is_there = await Webhook.filter(id=delivery.webhook_id).using_db(connection).exists()
    return delivery if is_there else None


async def _at_once(work: UnitOfWork, webhook_id: UUID) -> None:
    await execute(work.connection, "UPDATE webhook SET rests_until = NULL WHERE id = ?", [str(webhook_id)])
    work.webhook_waits(webhook_id)


async def webhook_counts(connection: Connection) -> dict[WebhookState, int]:
    """Return how many webhooks are in each state."""
    rows = await fetch(connection, "SELECT state, COUNT(*) AS webhooks FROM webhook GROUP BY state")
    return dict.fromkeys(WebhookState, 0) | {WebhookState(row["state"]): row["webhooks"] for row in rows}


async def backlog(connection: Connection) -> Backlog:
    """Return what waits to be sent to active webhooks."""
    [row] = await fetch(
        connection,
        "SELECT COUNT(*) AS waiting, MIN(delivery.created_at) AS oldest"
        " FROM webhook_delivery delivery JOIN webhook ON webhook.id = delivery.webhook_id"
        " WHERE delivery.state = 'waiting' AND delivery.is_matched AND webhook.state = 'active'",
    )
    oldest = row["oldest"]
    return Backlog(row["waiting"], datetime.fromisoformat(oldest) if isinstance(oldest, str) else oldest)


async def purge(engine: Engine) -> None:
    """Delete deliveries that ended long ago, that waited for too long, or whose webhook is gone."""
    connection = engine.database.connection
    before = await now(connection) - timedelta(days=engine.settings.webhook.keep_days)
    await delete_in_batches(connection, "webhook_delivery", "ended_at < ?", [before])
    # Those of webhooks that are paused or disabled.
    await delete_in_batches(
        connection, "webhook_delivery", "state = 'waiting' AND is_matched AND created_at < ?", [before]
    )
    orphan = "NOT EXISTS (SELECT 1 FROM webhook WHERE webhook.id = webhook_delivery.webhook_id)"
    await delete_in_batches(connection, "webhook_delivery", orphan, [])
