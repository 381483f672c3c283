"""The receiver of the guide takes what headbox sends, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headbox.services import webhook as webhooks
from headbox.services import webhook_delivery as deliveries
from headbox.services.webhook import NewWebhook
from headbox.workers.webhooks import WebhookSender
from tests.integration.webhooks.sending import ended
from tests.support.engine import LocalEngine
from tests.support.receiver import Receiver
from tests.support.tutorial import blocks_of

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "webhooks.md"


async def test_receiver_of_the_guide_verifies(engine: LocalEngine, sender: WebhookSender, receiver: Receiver) -> None:
    [source] = blocks_of(GUIDE.read_text())["python"]
    guide: dict[str, Any] = {}
    exec(source, guide)
    verified = guide["verified"]
    async with engine.unit_of_work() as work:
        webhook, first = await webhooks.create(work, NewWebhook("ci", receiver.hook))
        webhook, second = await webhooks.rotate_secret(work, webhook, None)
        await deliveries.ping(work, webhook)

    await ended(sender, webhook)

    [message] = receiver.messages
    headers = dict(message.headers)
    for secret in (first, second):
        assert verified(secret, headers, message.body) == message.document
    for forged in (
        (second, headers, message.body + b" "),
        (second, {**headers, "webhook-id": "msg_other"}, message.body),
        (second, {**headers, "webhook-timestamp": "1700000000"}, message.body),
        ("whsec_b3RoZXI=", headers, message.body),
    ):
        with pytest.raises(ValueError, match=r"signature is wrong|is old"):
            verified(*forged)
