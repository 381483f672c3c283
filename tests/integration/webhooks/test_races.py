"""What clients change while tasks run and messages are sent."""

from __future__ import annotations

import asyncio

from headbox.models import Webhook, WebhookDelivery
from headbox.services import webhook as webhooks
from headbox.services import webhook_delivery as deliveries
from headbox.types import TaskState, WebhookEvent
from headbox.workers.webhooks import WebhookSender
from tests.factories.task import make_gate, make_wait
from tests.factories.webhook import make_webhook
from tests.integration.webhooks.sending import ended
from tests.support.engine import LocalEngine
from tests.support.receiver import HOOK, Receiver
from tests.support.upstream import Held
from tests.support.waiting import until


async def test_task_ends_well_while_webhooks_come_and_go(engine: LocalEngine) -> None:
    async def come_and_go() -> None:
        for _ in range(10):
            webhook = await make_webhook(engine, "http://127.0.0.1:9/")
            async with engine.unit_of_work() as work:
                await webhooks.delete(work, webhook)

    async def run() -> TaskState:
        gate, held = make_gate()
        held.open()
        return (await engine.finished(await make_wait(engine, gate))).state

    _, *states = await asyncio.gather(come_and_go(), *(run() for _ in range(10)))

    assert set(states) == {TaskState.COMPLETED}
    await deliveries.purge(engine)
    assert await WebhookDelivery.all().count() == 0


async def test_webhook_that_is_deleted_while_it_is_sent_to_is_sent_nothing_more(
    engine: LocalEngine, sender: WebhookSender, receiver: Receiver
) -> None:
    held = Held()
    receiver.fault(HOOK, held)
    webhook = await make_webhook(engine, receiver.hook)
    other = await make_webhook(engine, receiver.url_of("hook"), events=[WebhookEvent.TASK_FINISHED])
    for told in (webhook, webhook, other):
        async with engine.unit_of_work() as work:
            await deliveries.ping(work, told)
    await sender.run()
    await until(lambda: len(receiver.messages) == 2)

    async with engine.unit_of_work() as work:
        await webhooks.delete(work, await Webhook.get(id=webhook.id))
    held.release()

    await ended(sender, other)
    async with engine.unit_of_work() as work:
        await deliveries.ping(work, other)
    await ended(sender, other, 2)
    assert len(receiver.messages) == 3
