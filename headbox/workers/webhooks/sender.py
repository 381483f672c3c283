"""The sender: sends the messages of webhooks, in the one worker process that reconciles.

Each webhook has a job of its own, which sends one message after the other: a receiver that is slow holds up nobody
else, and is told in order. What fails waits in the database, and the reconciler's next turns find it when it is due.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from uuid import UUID

from tortoise.exceptions import BaseORMException

from headbox.models import Webhook, WebhookDelivery
from headbox.models.database import now
from headbox.resolvers.ids import NodeTypes
from headbox.services import webhook_delivery as deliveries
from headbox.services import webhook_secret as secrets
from headbox.services.webhook_delivery import Attempt
from headbox.services.webhook_secret import SecretLost, Secrets
from headbox.tasking import bus as topics
from headbox.tasking.bus import Subscription
from headbox.tasking.engine import Engine
from headbox.types import WebhookDeliveryState
from headbox.workers.webhooks import metrics
from headbox.workers.webhooks.message import Messages
from headbox.workers.webhooks.post import Poster

#: What tells that there may be something to send.
_TOPICS = (topics.TASK, topics.REPOSITORY, topics.DISTRIBUTION, topics.WEBHOOK)
#: Shortest time between two looks, in seconds: there may be a hundred events in it.
LOOK_SECONDS = 0.05

log = logging.getLogger(__name__)


class WebhookSender:
    """One process's part in sending: all of it while it reconciles, and none of it otherwise."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._settings = engine.settings.webhook
        self._messages = Messages(NodeTypes(engine.registry), engine.settings.server)
        self._poster: Poster | None = None
        self._stack = AsyncExitStack()
        self._jobs: dict[UUID, asyncio.Task[None]] = {}
        # Webhooks that had more to send when they were looked at, while their job may have been about to end.
        self._more: set[UUID] = set()
        self._is_sending = False
        self._listening: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Send what is due, and from here on what will be as soon as it is; where there is no webhook, do nothing."""
        if not await Webhook.all().using_db(self._engine.database.connection).exists():
            self.rest()
            return
        self._is_sending = True
        if self._poster is None:
            self._poster = await self._stack.enter_async_context(Poster.opened(self._settings))
        if self._listening is None or self._listening.done():
            self._listening = asyncio.create_task(self._listen())
        await self._look(self._poster)

    def rest(self) -> None:
        """Begin nothing more: another process sends, or there is nobody to send to."""
        self._is_sending = False
        if self._listening is not None:
            self._listening.cancel()

    async def stop(self) -> None:
        """End, and leave what is being sent to others."""
        self.rest()
        jobs = list(self._jobs.values())
        for job in jobs:
            job.cancel()
        try:
            await asyncio.gather(*jobs, *filter(None, [self._listening]), return_exceptions=True)
        finally:
            await self._stack.aclose()

    async def _listen(self) -> None:
        """Look whenever anything happens that a webhook may be told of."""
        assert self._poster is not None, "it is opened before"
        heard = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for topic in _TOPICS:
                group.create_task(self._hear(topic, heard))
            while True:
                await heard.wait()
                heard.clear()
                try:
                    await self._look(self._poster)
                except (BaseORMException, OSError):
                    log.warning("deliveries cannot be looked for; the next turn does", exc_info=True)
                await asyncio.sleep(LOOK_SECONDS)

    async def _hear(self, topic: str, heard: asyncio.Event) -> None:
        with self._engine.bus.subscribe(topic) as events:
            await _set_at_each(events, heard)

    async def _look(self, poster: Poster) -> None:
        """Let each webhook that something can be sent to have a job."""
        connection = self._engine.database.connection
        while await deliveries.match(connection):
            pass
        for webhook_id in await deliveries.due(connection):
            if webhook_id in self._jobs:
                self._more.add(webhook_id)
            else:
                self._jobs[webhook_id] = asyncio.create_task(self._send_all(poster, webhook_id))

    async def _send_all(self, poster: Poster, webhook_id: UUID) -> None:
        """Send what is due to one webhook."""
        self._more.add(webhook_id)
        try:
            while webhook_id in self._more:
                self._more.discard(webhook_id)
                while self._is_sending and await self._send_next(poster, webhook_id):
                    pass
        except (BaseORMException, OSError):
            log.warning("a webhook is sent nothing for now", extra={"webhook": str(webhook_id)}, exc_info=True)
        except Exception:
            log.exception("a webhook is sent nothing for now", extra={"webhook": str(webhook_id)})
        finally:
            del self._jobs[webhook_id]

    async def _send_next(self, poster: Poster, webhook_id: UUID) -> bool:
        """Send what is due first, and tell whether there was anything."""
        connection = self._engine.database.connection
        taken = await deliveries.take(connection, webhook_id, self._settings)
        if taken is None:
            return False
        webhook, delivery = taken
        try:
            attempt = await self._attempt(poster, webhook, delivery)
        except asyncio.CancelledError:
            await deliveries.give_back(connection, delivery)
            raise
        state = await self._engine.transact(lambda work: deliveries.record(work, delivery, attempt))
        _tell(webhook, delivery, attempt, state)
        return True

    async def _attempt(self, poster: Poster, webhook: Webhook, delivery: WebhookDelivery) -> Attempt:
        time = await now(self._engine.database.connection)
        try:
            known = Secrets.of(webhook, self._engine.cipher)
            body = self._messages.body(delivery)
            headers = secrets.headers(webhook, known, delivery.message_id, time, body)
        except SecretLost as error:
            return Attempt(at=time, milliseconds=0, status=None, error=str(error))
        except Exception:
            log.exception("a message cannot be made", extra={"delivery": delivery.message_id})
            return Attempt(at=time, milliseconds=0, status=None, error="headbox failed; its log has more")
        return await poster.post(webhook.url, body, headers)


async def _set_at_each(events: Subscription, heard: asyncio.Event) -> None:
    async for _ in events:
        heard.set()


def _tell(webhook: Webhook, delivery: WebhookDelivery, attempt: Attempt, state: WebhookDeliveryState | None) -> None:
    """Count a try, and log one that failed."""
    outcome = "delivered" if attempt.error is None else "refused" if attempt.status is not None else "unreachable"
    metrics.tried(outcome, attempt.milliseconds)
    if attempt.error is not None:
        log.warning(
            "a webhook was not delivered",
            extra={
                "webhook": webhook.name,
                "delivery": delivery.message_id,
                "reason": attempt.error,
                "state": "over" if state is None else state.value,
            },
        )
