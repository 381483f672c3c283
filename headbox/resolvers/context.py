"""What resolvers are handed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from headbox.kinds import Registry
from headbox.models.database import Connection
from headbox.resolvers.ids import GlobalId, NodeTypes
from headbox.resolvers.loaders import Loaders
from headbox.resolvers.looks import Looks
from headbox.services.sync_plan import Planner
from headbox.storage.interface import ArtifactStorage
from headbox.tasking.engine import Engine


async def _never() -> None:
    await asyncio.Event().wait()


@dataclass(slots=True)
class Context:
    """One operation of one client.

    Attributes:
        engine: What the process shares.
        storage: Where artifacts are.
        types: The types that have global ids.
        base_url: Address that the client reached the server at, without a slash at its end.
        loaders: The data loaders of this operation.
        planner: Computes plans.
        looks: Looks at the whole installation, for all operations.
        client: Address that the client comes from; empty when it is none that one could tell.
        gone: Returns when nobody waits for the answer any more; never where that ends the operation by itself.
    """

    engine: Engine
    storage: ArtifactStorage
    types: NodeTypes
    base_url: str
    loaders: Loaders
    planner: Planner
    looks: Looks
    client: str = ""
    gone: Callable[[], Awaitable[None]] = _never

    @classmethod
    def create(
        cls,
        engine: Engine,
        storage: ArtifactStorage,
        types: NodeTypes,
        base_url: str,
        *,
        planner: Planner,
        looks: Looks,
        client: str = "",
    ) -> Context:
        """Return the context of a request."""
        return cls(engine, storage, types, base_url, Loaders(engine.database.connection, types), planner, looks, client)

    def for_operation(self) -> Context:
        """Return a context for another operation of the same client: a connection may carry many."""
        context = replace(self)
        context.refresh()
        return context

    def refresh(self) -> None:
        """Forget what was loaded: something has changed."""
        self.loaders = Loaders(self.connection, self.types)

    @property
    def registry(self) -> Registry:
        """What plugins declare."""
        return self.engine.registry

    @property
    def connection(self) -> Connection:
        """The connection outside of transactions."""
        return self.engine.database.connection

    def global_id(self, type_name: str, id: UUID) -> str:
        """Return the global id of a row."""
        return str(GlobalId(type_name, id))

    async def node(self, text: str) -> Any:
        """Return the row of a global id, or None when there is none."""
        parsed = GlobalId.parse(text)
        return await self.loaders.node(parsed) if parsed else None
