"""Schedules, and what tests do with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from headbox.models import Schedule
from headbox.services.schedule import fire_due
from tests.integration.schema.api import Api
from tests.support.engine import LocalEngine

SCHEDULE = """
id name revision labels cron timeZone missedRuns enabled taskKind taskInput nextRunAt lastRunAt lastOutcome
lastTask { id state } lastError { code message path }
"""
ERRORS = "errors { code message path }"
CREATE = f"""
mutation ($input: CreateScheduleInput!) {{ createSchedule(input: $input) {{ schedule {{ {SCHEDULE} }} {ERRORS} }} }}
"""
UPDATE = f"""
mutation ($input: UpdateScheduleInput!) {{ updateSchedule(input: $input) {{ schedule {{ {SCHEDULE} }} {ERRORS} }} }}
"""
DELETE = f"mutation ($id: ID!) {{ deleteSchedule(id: $id) {{ schedule {{ name }} {ERRORS} }} }}"
RUN = f"""
mutation ($id: ID!, $key: String) {{
  runSchedule(id: $id, idempotencyKey: $key) {{ schedule {{ {SCHEDULE} }} task {{ id }} {ERRORS} }}
}}
"""


async def create(api: Api, **fields: Any) -> dict[str, Any]:
    """Create a schedule and return the payload."""
    given = {"name": "nightly", "cron": "0 3 * * *", **fields}
    payload: dict[str, Any] = (await api.run(CREATE, input=given))["createSchedule"]
    return payload


async def make_schedule(api: Api, gate: str, **fields: Any) -> Schedule:
    """Return a schedule of tasks that wait at a gate."""
    payload = await create(api, task={"waitTask": {"gate": gate}}, **fields)
    assert payload["errors"] == []
    return await Schedule.get(name=payload["schedule"]["name"])


async def is_due(schedule: Schedule, *, since: timedelta = timedelta(seconds=1)) -> None:
    """Let a schedule be due, as if nobody had looked since then."""
    await Schedule.filter(id=schedule.id).update(next_run_at=datetime.now(UTC) - since)


async def after_firing(engine: LocalEngine, schedule: Schedule) -> Schedule:
    """Make the runs that are due and return the schedule as it is then."""
    await fire_due(engine)
    return await Schedule.get(id=schedule.id)
