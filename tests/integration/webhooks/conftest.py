"""An engine whose messages of webhooks are sent on the test's own event loop, and somebody who gets them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from headbox.settings import WebhookSettings
from headbox.workers.webhooks import WebhookSender
from tests.support.engine import LocalEngine
from tests.support.receiver import Receiver

#: What fails is tried again at once.
IMPATIENT = WebhookSettings(backoff_seconds=0.02, timeout_seconds=30)


@pytest.fixture
def settings() -> WebhookSettings:
    """The settings of webhooks; a module may have others."""
    return IMPATIENT


@pytest.fixture
async def engine(data_dir: Path, settings: WebhookSettings) -> AsyncIterator[LocalEngine]:
    async with LocalEngine(data_dir, webhook=settings).running() as engine:
        yield engine


@pytest.fixture
async def sender(engine: LocalEngine) -> AsyncIterator[WebhookSender]:
    """Sends at each `run`, and at each event after the first one that finds a webhook."""
    sender = WebhookSender(engine)
    yield sender
    await sender.stop()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver
