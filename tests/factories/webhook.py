"""Webhooks."""

from __future__ import annotations

from typing import Any

from headbox.models import Webhook
from headbox.services import webhook as webhooks
from headbox.services.webhook import NewWebhook, TaskFilter
from headbox.tasking.engine import Engine
from tests.factories.names import unused_name


async def make_webhook(engine: Engine, url: str, *, condition: dict[str, Any] | None = None, **fields: Any) -> Webhook:
    """Create a webhook.

    Args:
        engine: The engine.
        url: Where it sends to.
        condition: A filter on tasks, as `headbox.filters.task` takes it.
        fields: Of `NewWebhook`.
    """
    task_filter = TaskFilter(condition, condition) if condition is not None else None
    new = NewWebhook(**{"name": unused_name("webhook"), "url": url, "task_filter": task_filter, **fields})
    async with engine.unit_of_work() as work:
        webhook, _ = await webhooks.create(work, new)
    return webhook
