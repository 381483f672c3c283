"""Signatures of messages, and when they are sent again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from headbox.models import WebhookDelivery
from headbox.services.webhook_delivery import Attempt, next_step
from headbox.services.webhook_secret import Secrets, signature
from headbox.settings import WebhookSettings
from headbox.types import WebhookDeliveryState

START = datetime(2026, 1, 1, tzinfo=UTC)
SETTINGS = WebhookSettings()


def failed(**fields: object) -> Attempt:
    given = {"at": START, "milliseconds": 1, "status": 500, "error": "it answered 500", **fields}
    return Attempt(**given)  # type: ignore[arg-type]


def step(after: float, attempt: Attempt) -> tuple[WebhookDeliveryState, float]:
    """Return what comes of a try so many seconds after the first one, and how many seconds later it is due again."""
    time = START + timedelta(seconds=after)
    state, due_at = next_step(WebhookDelivery(first_attempt_at=START), attempt, time, SETTINGS)
    return state, (due_at - time).total_seconds()


def test_signature_is_that_of_the_scheme() -> None:
    # Source: the example of https://docs.svix.com/receiving/verifying-payloads/how-manual, whose scheme it is.
    signed = signature(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "1614265330",
        b'{"test": 2432232314}',
    )

    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_secrets_differ() -> None:
    assert len({Secrets.made().current for _ in range(10)}) == 10


def test_tries_become_rarer_and_end_after_a_day() -> None:
    after, waits = 0.0, []
    while (found := step(after, failed()))[0] is WebhookDeliveryState.WAITING:
        waits.append(found[1])
        after += found[1]

    assert found[0] is WebhookDeliveryState.FAILED
    assert 2.5 <= waits[0] <= 5
    assert max(waits) <= 6 * 3600
    assert 12 * 3600 < after <= 24 * 3600
    assert 8 <= len(waits) <= 20


@pytest.mark.parametrize(("asked", "longest"), [(60.0, 60.0), (10.0**9, 6 * 3600.0)])
def test_receiver_that_asks_for_time_gets_it_within_reason(asked: float, longest: float) -> None:
    assert step(0, failed(retry_after_seconds=asked)) == (WebhookDeliveryState.WAITING, longest)


def test_receiver_that_is_gone_is_not_tried_again() -> None:
    assert step(0, failed(is_gone=True))[0] is WebhookDeliveryState.FAILED
