"""Repeats what failed in a way that can heal."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from headbox.errors import RemoteResponse, RemoteUnreachable, TimedOut

Result = TypeVar("Result")

log = logging.getLogger(__name__)

#: Longest wait, whatever the remote asks for: a task must not sleep for a day.
MAX_WAIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and when a failed request is repeated.

    Attributes:
        max_retries: Most repetitions.
        backoff_seconds: Longest wait before the first one; it doubles with each.
    """

    max_retries: int
    backoff_seconds: float

    async def run(self, attempt: Callable[[], Awaitable[Result]]) -> Result:
        """Return the result of the first attempt that succeeds.

        Raises:
            HeadboxError: That of the last attempt, which failed in a way that cannot heal, or had no successor left.
        """
        number = 0
        while True:
            try:
                return await attempt()
            except (RemoteUnreachable, RemoteResponse, TimedOut) as error:
                if not error.retryable or number >= self.max_retries:
                    raise
                wait_seconds = self.wait_seconds(number, error)
                log.info(
                    "a request is repeated",
                    extra={"reason": error.message, "retry": number + 1, "wait_seconds": round(wait_seconds, 3)},
                )
            await asyncio.sleep(wait_seconds)
            number += 1

    def wait_seconds(self, number: int, error: Exception) -> float:
        """Return how long to wait before a repetition, the first of which has the number 0.

        Between half of the backoff and all of it, so that many clients do not come back as one wave; what the remote
        asks for goes first.
        """
        if isinstance(error, RemoteResponse) and error.retry_after_seconds is not None:
            return min(error.retry_after_seconds, MAX_WAIT_SECONDS)
        backoff_seconds = min(self.backoff_seconds * 2.0**number, MAX_WAIT_SECONDS)
        return backoff_seconds * random.uniform(0.5, 1)  # noqa: S311 - jitter is no secret


def parse_retry_after(value: str | None) -> float | None:
    """Return the seconds that a Retry-After header asks for, at least 0; None when it is absent or makes no sense.

    Source: RFC 9110, section 10.2.3.
    """
    if value is None:
        return None
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):  # The latter of numbers that no date has.
        return None
    # A date in "-0000" gives a naive time, which is meant in UTC.
    date = date.replace(tzinfo=date.tzinfo or UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())
