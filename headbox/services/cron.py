"""Cron expressions: five fields, read in a time zone.

Where clocks are set forward or back, times are those of Debian's cron. What is due at fixed hours is due once a day: in
the hour that is left out, when that is over; in the hour that comes twice, at the first time. What is due every so many
minutes or hours goes by the time that passes.

Source: crontab(5) of Debian, which CronSim follows.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from itertools import islice
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from headbox.errors import Invalid

#: Longest expression, in characters.
MAX_CRON = 255
#: Fields of an expression: minute, hour, day of the month, month, day of the week.
FIELDS = 5


def check_cron(cron: str, time_zone: str, now: datetime) -> None:
    """Make sure that an expression can be read, and will hold some day.

    Raises:
        Invalid: It cannot, or not within the next 50 years, or there is no such time zone.
    """
    if time_zone not in _time_zones():
        reason = f"{time_zone[:MAX_CRON]!r} is no name of the IANA time zone database"
        raise Invalid(field="time_zone", reason=reason, path=("time_zone",))
    if len(cron) > MAX_CRON or len(cron.split()) != FIELDS:
        reason = "it has five fields: minute, hour, day of the month, month, day of the week"
        raise Invalid(field="cron", reason=reason, path=("cron",))
    try:
        found = following(cron, time_zone, now)
    except CronSimError as error:
        reason = str(error)
        raise Invalid(field="cron", reason=reason[:1].lower() + reason[1:], path=("cron",)) from error
    if found is None:
        raise Invalid(field="cron", reason="it never holds", path=("cron",))


def following(cron: str, time_zone: str, after: datetime) -> datetime | None:
    """Return the first time that an expression holds after another time, in UTC; None when it is 50 years away.

    Args:
        cron: An expression that `check_cron` took.
        time_zone: A name of the IANA time zone database.
        after: A time with an offset.
    """
    return next(iter(upcoming(cron, time_zone, after, 1)), None)


def upcoming(cron: str, time_zone: str, after: datetime, number: int) -> list[datetime]:
    """Return the first times that an expression holds after another time, in UTC; fewer where one is 50 years away.

    Args:
        cron: An expression that `check_cron` took.
        time_zone: A name of the IANA time zone database.
        after: A time with an offset.
        number: How many at the most.
    """
    found = islice(CronSim(cron, after.astimezone(ZoneInfo(time_zone))), number)
    return [time.astimezone(UTC) for time in found]


@cache
def _time_zones() -> frozenset[str]:
    # From files, in some 20 milliseconds.
    return frozenset(available_timezones())
