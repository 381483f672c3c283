"""Waiting for what the sender does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from headbox.models import Webhook, WebhookDelivery
from headbox.types import WebhookDeliveryState
from headbox.workers.webhooks import WebhookSender
from tests.support.waiting import PATIENCE_SECONDS


async def turns_until(sender: WebhookSender, condition: Callable[[], Awaitable[object]]) -> None:
    """Let the sender have its turns until a condition holds."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await condition():
            await sender.run()
            await asyncio.sleep(0.01)


async def ended(sender: WebhookSender, webhook: Webhook, number: int = 1) -> list[WebhookDelivery]:
    """Let the sender have its turns until so many deliveries of a webhook have ended; return them in order."""

    async def have() -> bool:
        return len(await _ended(webhook)) >= number

    await turns_until(sender, have)
    return await _ended(webhook)


async def _ended(webhook: Webhook) -> list[WebhookDelivery]:
    over = WebhookDelivery.filter(webhook_id=webhook.id).exclude(state=WebhookDeliveryState.WAITING)
    return list(await over.order_by("id"))
