"""Why a process does not start."""

from __future__ import annotations

from headbox.settings import Settings


class StartRefused(Exception):
    """The process cannot run like this.

    Attributes:
        hint: What to do next.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def check_distributed(settings: Settings, command: str) -> None:
    """Make sure that a process that is one of several finds the others.

    Raises:
        StartRefused: It would not.
    """
    missing = [
        name
        for name, url in (
            ("HEADBOX_DATABASE_URL", settings.database.url),
            ("HEADBOX_REDIS_URL", settings.redis.url),
        )
        if url is None
    ]
    if missing:
        raise StartRefused(
            f"headbox {command} shares its work with other processes over PostgreSQL and Redis",
            f"Set {' and '.join(missing)}; or run headbox serve, one process that needs neither.",
        )
