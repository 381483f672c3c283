"""How long those tests go on that repeat something at random: briefly, unless HEADBOX_TEST_LENGTH is `long`."""

from __future__ import annotations

import os

IS_LONG = os.environ.get("HEADBOX_TEST_LENGTH") == "long"


def rounds(short: int, *, long: int) -> int:
    """Return how often something is repeated in this run."""
    return long if IS_LONG else short
