"""How messages are sent: to receivers that are well, slow, broken or hostile."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from headbox.models import Webhook, WebhookDelivery
from headbox.models.cipher import Cipher
from headbox.services import webhook as webhooks
from headbox.services import webhook_delivery as deliveries
from headbox.services.webhook import NewWebhook
from headbox.settings import WebhookSettings
from headbox.types import WebhookDeliveryState, WebhookEvent, WebhookState
from headbox.workers.webhooks import WebhookSender
from tests.factories.webhook import make_webhook
from tests.integration.webhooks.sending import ended, turns_until
from tests.support.engine import LocalEngine
from tests.support.receiver import HOOK, Receiver
from tests.support.statements import statements
from tests.support.upstream import Endless, Fault, Held, Raw, Redirect, Reset, Status, Truncated
from tests.support.waiting import PATIENCE_SECONDS, until


async def ping(engine: LocalEngine, webhook: Webhook) -> WebhookDelivery:
    async with engine.unit_of_work() as work:
        return await deliveries.ping(work, webhook)


async def reread(webhook: Webhook) -> Webhook:
    return await Webhook.get(id=webhook.id)


async def test_message_is_signed_and_logged(engine: LocalEngine, sender: WebhookSender, receiver: Receiver) -> None:
    async with engine.unit_of_work() as work:
        webhook, secret = await webhooks.create(work, NewWebhook("ci", receiver.hook))
    delivery = await ping(engine, webhook)

    [row] = await ended(sender, webhook)

    [message] = receiver.messages
    assert message.id == delivery.message_id
    assert message.is_signed_with(secret)
    assert message.headers["Content-Type"] == "application/json"
    assert abs(int(message.headers["webhook-timestamp"]) - datetime.now(UTC).timestamp()) < 60
    assert (message.type, message.document["data"]["webhook"]["name"]) == ("ping", "ci")
    assert (row.state, row.attempt) == (WebhookDeliveryState.DELIVERED, 1)
    [attempt] = row.attempts
    assert (attempt["status"], attempt["error"], attempt["answer"]) == (200, None, "thanks")
    assert attempt["milliseconds"] >= 0


async def test_failed_tries_are_repeated_as_the_same_message(
    engine: LocalEngine, sender: WebhookSender, receiver: Receiver
) -> None:
    receiver.fault(HOOK, Status(500, body=b"broken\0"), times=1)
    receiver.fault(HOOK, Reset(), times=1)
    webhook = await make_webhook(engine, receiver.hook)
    await ping(engine, webhook)

    [row] = await ended(sender, webhook)

    assert row.state is WebhookDeliveryState.DELIVERED
    assert len({(message.id, message.body) for message in receiver.messages}) == 1
    assert [attempt["status"] for attempt in row.attempts] == [500, None, 200]
    assert row.attempts[0]["answer"] == "broken\N{REPLACEMENT CHARACTER}"
    webhook = await reread(webhook)
    assert (webhook.failures, webhook.failing_since, webhook.state) == (0, None, WebhookState.ACTIVE)


@pytest.mark.parametrize(
    ("fault", "status", "reason"),
    [
        (Redirect("/elsewhere"), 302, "it answered 302, and redirects are not followed"),
        (Redirect("file:///etc/passwd", 307), 307, "it answered 307, and redirects are not followed"),
        (Status(404), 404, "it answered 404"),
        (Raw(b"SSH-2.0-OpenSSH\r\n"), 400, None),
        (Raw(b""), None, "it closed the connection without an answer"),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_failure_is_told(
    engine: LocalEngine,
    sender: WebhookSender,
    receiver: Receiver,
    fault: Fault,
    status: int | None,
    reason: str | None,
) -> None:
    receiver.fault(HOOK, fault, times=1)
    webhook = await make_webhook(engine, receiver.hook)
    await ping(engine, webhook)

    [row] = await ended(sender, webhook)

    attempt = row.attempts[0]
    assert attempt["error"]
    if reason is not None:
        assert (attempt["status"], attempt["error"]) == (status, reason)
    assert {message.path for message in receiver.messages} == {HOOK}


@pytest.mark.parametrize("fault", [Endless(), Truncated(1)], ids=["endless", "truncated"])
async def test_answer_is_read_no_further_than_it_is_kept(
    engine: LocalEngine, sender: WebhookSender, receiver: Receiver, fault: Fault
) -> None:
    receiver.fault(HOOK, fault)
    webhook = await make_webhook(engine, receiver.hook)
    await ping(engine, webhook)

    [row] = await ended(sender, webhook)

    assert row.state is WebhookDeliveryState.DELIVERED
    assert len(row.attempts[0]["answer"]) <= 1024


async def test_gone_receiver_is_sent_nothing_more(
    engine: LocalEngine, sender: WebhookSender, receiver: Receiver
) -> None:
    receiver.fault(HOOK, Status(410))
    webhook = await make_webhook(engine, receiver.hook)
    await ping(engine, webhook)

    [row] = await ended(sender, webhook)

    assert row.state is WebhookDeliveryState.FAILED
    webhook = await reread(webhook)
    assert (webhook.state, webhook.disabled_reason) == (
        WebhookState.DISABLED,
        "its receiver answered that it is gone (410)",
    )
    await ping(engine, webhook)
    await sender.run()
    assert receiver.hits(HOOK) == 1

    receiver.heal(HOOK)
    async with engine.unit_of_work() as work:
        webhook = await webhooks.resume(work, webhook)
    await ended(sender, webhook, 2)
    assert webhook.disabled_reason is None


async def test_receiver_that_hangs_holds_up_nobody_else(
    engine: LocalEngine, sender: WebhookSender, receiver: Receiver
) -> None:
    held = Held()
    receiver.fault("slow", held)
    slow, quick = await make_webhook(engine, receiver.url_of("slow")), await make_webhook(engine, receiver.hook)
    for _ in range(3):
        await ping(engine, slow)
    await sender.run()
    await until(lambda: receiver.hits("slow"))
    for _ in range(3):
        await ping(engine, quick)

    await ended(sender, quick, 3)

    # One at a time, so that it gets them in order.
    assert receiver.hits("slow") == 1
    held.release()
    rows = await ended(sender, slow, 3)
    told = [message.id for message in receiver.messages if message.path == "slow"]
    assert told == [row.message_id for row in rows]


class TestImpatient:
    """With a receiver that takes longer than it may."""

    @pytest.fixture
    def settings(self) -> WebhookSettings:
        return WebhookSettings(backoff_seconds=0.02, timeout_seconds=0.2, give_up_hours=0.5 / 3600)

    async def test_delivery_is_given_up(self, engine: LocalEngine, sender: WebhookSender, receiver: Receiver) -> None:
        receiver.fault(HOOK, Held())
        webhook = await make_webhook(engine, receiver.hook)
        await ping(engine, webhook)

        [row] = await ended(sender, webhook)

        assert row.state is WebhookDeliveryState.FAILED
        assert row.attempts[-1]["error"] == "it did not answer within 0.2 seconds"
        assert (await reread(webhook)).state is WebhookState.ACTIVE


class TestPublicAddressesOnly:
    """Where receivers must not lie in the private network."""

    @pytest.fixture
    def settings(self) -> WebhookSettings:
        return WebhookSettings(backoff_seconds=0.02, give_up_hours=0.001 / 3600, private_addresses=False)

    async def test_name_of_a_private_address_is_not_connected_to(
        self, engine: LocalEngine, sender: WebhookSender, receiver: Receiver
    ) -> None:
        # A name can come to mean another address after it was looked at.
        webhook = await make_webhook(engine, receiver.hook.replace("127.0.0.1", "localhost"))
        await ping(engine, webhook)

        [row] = await ended(sender, webhook)

        assert row.attempts[-1]["error"] == (
            "its address is not public, and HEADBOX_WEBHOOK_PRIVATE_ADDRESSES is false"
        )
        assert receiver.messages == []

    async def test_private_address_of_earlier_days_is_not_connected_to(
        self, engine: LocalEngine, sender: WebhookSender, receiver: Receiver
    ) -> None:
        webhook = await make_webhook(engine, "http://headbox.test/")
        await Webhook.filter(id=webhook.id).update(url=receiver.hook)
        await ping(engine, webhook)

        [row] = await ended(sender, webhook)

        assert "is not public" in row.attempts[-1]["error"]
        assert receiver.messages == []


async def test_webhook_that_failed_for_days_is_disabled(
    engine: LocalEngine, sender: WebhookSender, receiver: Receiver
) -> None:
    receiver.fault(HOOK, Status(500))
    webhook = await make_webhook(engine, receiver.hook)
    since = datetime.now(UTC) - timedelta(days=6)
    await Webhook.filter(id=webhook.id).update(failures=20, failing_since=since)
    await ping(engine, webhook)

    async def is_disabled() -> bool:
        return (await reread(webhook)).state is WebhookState.DISABLED

    await turns_until(sender, is_disabled)

    reason = (await reread(webhook)).disabled_reason
    assert reason == f"it has failed since {since:%Y-%m-%d %H:%M} UTC, at last because it answered 500"
    # It waits, for whoever resumes the webhook.
    assert (await WebhookDelivery.get()).state is WebhookDeliveryState.WAITING


async def test_webhook_that_rests_is_sent_nothing(engine: LocalEngine, receiver: Receiver) -> None:
    webhook = await make_webhook(engine, receiver.hook)
    await ping(engine, webhook)
    await Webhook.filter(id=webhook.id).update(rests_until=datetime.now(UTC) + timedelta(minutes=1))
    connection = engine.database.connection

    assert await deliveries.due(connection) == []
    assert await deliveries.take(connection, webhook.id, engine.settings.webhook) is None


async def test_delivery_of_a_lost_sender_is_taken_again(
    engine: LocalEngine, sender: WebhookSender, receiver: Receiver
) -> None:
    webhook = await make_webhook(engine, receiver.hook)
    await ping(engine, webhook)
    taken = await deliveries.take(engine.database.connection, webhook.id, engine.settings.webhook)
    assert taken is not None
    assert await deliveries.take(engine.database.connection, webhook.id, engine.settings.webhook) is None
    # As when its time has passed.
    await WebhookDelivery.filter(id=taken[1].id).update(due_at=datetime.now(UTC))

    [row] = await ended(sender, webhook)

    assert [message.id for message in receiver.messages] == [taken[1].message_id]
    assert row.attempt == 2
    # What the lost one writes now counts no more.
    late = deliveries.Attempt(at=datetime.now(UTC), milliseconds=1, status=500, error="it answered 500")
    async with engine.unit_of_work() as work:
        assert await deliveries.record(work, taken[1], late) is None
    assert (await reread(webhook)).failures == 0


async def test_many_who_take_at_once_take_each_delivery_once(engine: LocalEngine, receiver: Receiver) -> None:
    webhook = await make_webhook(engine, receiver.hook)
    for _ in range(5):
        await ping(engine, webhook)

    async def take() -> int | None:
        taken = await deliveries.take(engine.database.connection, webhook.id, engine.settings.webhook)
        return taken[1].id if taken else None

    taken = [key for key in await asyncio.gather(*(take() for _ in range(20))) if key is not None]

    assert len(taken) == len(set(taken))


async def test_sender_that_stops_gives_back_what_it_sends(
    engine: LocalEngine, sender: WebhookSender, receiver: Receiver
) -> None:
    held = Held()
    receiver.fault(HOOK, held, times=1)
    webhook = await make_webhook(engine, receiver.hook)
    await ping(engine, webhook)
    await sender.run()
    await until(lambda: receiver.messages)

    await sender.stop()

    assert await deliveries.due(engine.database.connection) == [webhook.id]
    next_life = WebhookSender(engine)
    await ended(next_life, webhook)
    await next_life.stop()
    assert len({message.id for message in receiver.messages}) == 1


async def test_sender_hears_of_what_happens_between_its_turns(
    engine: LocalEngine, sender: WebhookSender, receiver: Receiver
) -> None:
    webhook = await make_webhook(engine, receiver.hook)
    await sender.run()

    async with asyncio.timeout(PATIENCE_SECONDS):
        # Until it listens, which takes a moment.
        while not receiver.messages:
            await ping(engine, webhook)
            await asyncio.sleep(0.05)


async def test_sender_asks_one_question_where_there_is_no_webhook(engine: LocalEngine, sender: WebhookSender) -> None:
    with statements() as asked:
        await sender.run()

    # The worker's heartbeat may ask beside it.
    assert len([statement for statement in asked if "webhook" in statement]) == 1


async def test_rotated_secret_and_the_one_before_both_sign(
    engine: LocalEngine, sender: WebhookSender, receiver: Receiver
) -> None:
    async with engine.unit_of_work() as work:
        webhook, first = await webhooks.create(work, NewWebhook("ci", receiver.hook))
        webhook, second = await webhooks.rotate_secret(work, webhook, None)
    await ping(engine, webhook)
    await ended(sender, webhook)
    async with engine.unit_of_work() as work:
        webhook, third = await webhooks.rotate_secret(work, webhook, 0)
    await ping(engine, webhook)
    await ended(sender, webhook, 2)

    secrets = [first, second, third]
    both, last = receiver.messages
    assert [both.is_signed_with(secret) for secret in secrets] == [True, True, False]
    assert [last.is_signed_with(secret) for secret in secrets] == [False, False, True]
    assert all(secret not in webhook.secrets for secret in secrets)


async def test_secret_that_nobody_can_read_is_told(
    engine: LocalEngine, sender: WebhookSender, receiver: Receiver
) -> None:
    webhook = await make_webhook(engine, receiver.hook)
    delivery = await ping(engine, webhook)
    engine.cipher = Cipher(b"x" * 43 + b"=")

    async def has_failed() -> bool:
        return bool((await WebhookDelivery.get(id=delivery.id)).attempts)

    await turns_until(sender, has_failed)
    async with engine.unit_of_work() as work:
        await webhooks.rotate_secret(work, webhook, None)
    [row] = await ended(sender, webhook)

    assert row.attempts[0]["error"].endswith("rotate it")
    assert row.state is WebhookDeliveryState.DELIVERED


async def test_old_deliveries_go(engine: LocalEngine, sender: WebhookSender, receiver: Receiver) -> None:
    webhook = await make_webhook(engine, receiver.hook)
    old, new = await ping(engine, webhook), await ping(engine, webhook)
    await ended(sender, webhook, 2)
    await WebhookDelivery.filter(id=old.id).update(ended_at=datetime.now(UTC) - timedelta(days=31))

    await deliveries.purge(engine)
    assert [row.id for row in await WebhookDelivery.all()] == [new.id]

    async with engine.unit_of_work() as work:
        await webhooks.delete(work, await reread(webhook))
    await deliveries.purge(engine)
    assert await WebhookDelivery.all().count() == 0


async def test_redelivery_is_the_same_message(engine: LocalEngine, sender: WebhookSender, receiver: Receiver) -> None:
    webhook = await make_webhook(engine, receiver.hook, events=[WebhookEvent.TASK_FINISHED])
    delivery = await ping(engine, webhook)
    await ended(sender, webhook)

    async with engine.unit_of_work() as work:
        await deliveries.redeliver(work, delivery.message_id)
    [row] = await ended(sender, webhook)

    assert [message.id for message in receiver.messages] == [delivery.message_id] * 2
    assert (row.attempt, len(row.attempts), row.state) == (2, 2, WebhookDeliveryState.DELIVERED)
