"""How the server and what it needs are doing."""

from __future__ import annotations

from dataclasses import dataclass

from headbox.models import Artifact
from headbox.models.database import fetch
from headbox.resolvers.context import Context


@dataclass(frozen=True, slots=True)
class ComponentStatus:
    """Whether something that the server needs works."""

    name: str
    ok: bool
    detail: str | None


async def database(context: Context) -> ComponentStatus:
    """Try the database."""
    name = context.connection.capabilities.dialect
    try:
        await fetch(context.connection, "SELECT 1 AS one")
    except Exception as error:  # noqa: BLE001 - whatever a driver raises, the database does not work
        return ComponentStatus(name, ok=False, detail=str(error))
    return ComponentStatus(name, ok=True, detail=None)


async def storage(context: Context) -> ComponentStatus:
    """Try the storage of artifacts."""
    health = await context.storage.check()
    return ComponentStatus("storage", health.ok, health.detail)


async def bus(context: Context) -> ComponentStatus:
    """Ask the event bus of this process."""
    carrier = context.engine.bus
    problem = carrier.problem()
    return ComponentStatus(carrier.name, ok=problem is None, detail=problem)


async def damaged_artifacts(context: Context) -> int:
    """Return how many stored artifacts are known to be missing or damaged."""
    return await Artifact.filter(damaged_at__isnull=False).using_db(context.connection).count()


async def broker(context: Context) -> ComponentStatus:
    """Try the broker."""
    dispatcher = context.engine.dispatcher
    problem = await dispatcher.check()
    return ComponentStatus(dispatcher.name, ok=problem is None, detail=problem)
