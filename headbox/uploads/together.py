"""Small uploads that come whole, and are stored together with those that come meanwhile.

While one group is stored, the next one gathers: whoever comes alone waits for nobody, and the more come, the less each
of them costs.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from uuid import UUID

from headbox.services.whole_upload import WholeUpload, complete
from headbox.storage.interface import ArtifactStorage
from headbox.storage.uploads import UploadFolder
from headbox.tasking.engine import Engine

#: Most uploads of a group.
MOST_TOGETHER = 100

#: An upload, and who waits for its id.
_Waiting = tuple[WholeUpload, asyncio.Future[UUID]]


class Together:
    """Completes uploads in groups, one group at a time.

    Args:
        engine: The engine.
        storage: Where uploads become artifacts.
        folder: Where they are until then.
    """

    def __init__(self, engine: Engine, storage: ArtifactStorage, folder: UploadFolder) -> None:
        self._engine = engine
        self._storage = storage
        self._folder = folder
        self._waiting: deque[_Waiting] = deque()
        self._storing: asyncio.Task[None] | None = None

    async def complete(self, upload: WholeUpload) -> UUID:
        """Store an upload as an artifact, and return its id.

        Raises:
            HeadboxError: It cannot be stored now.
            Contended: Another try may succeed.
        """
        done: asyncio.Future[UUID] = asyncio.get_running_loop().create_future()
        self._waiting.append((upload, done))
        if self._storing is None:
            self._storing = asyncio.create_task(self._store_all())
        return await done

    async def stop(self) -> None:
        """End what is under way."""
        if self._storing is not None:
            self._storing.cancel()
            await asyncio.gather(self._storing, return_exceptions=True)

    async def _store_all(self) -> None:
        self._engine.database.select()
        try:
            while self._waiting:
                await self._store([self._waiting.popleft() for _ in range(min(MOST_TOGETHER, len(self._waiting)))])
        finally:
            self._storing = None

    async def _store(self, group: Sequence[_Waiting]) -> None:
        try:
            ids = await complete(self._engine, self._storage, self._folder, [upload for upload, _ in group])
        except Exception as error:  # noqa: BLE001 - whoever waits for it gets it
            if len(group) > 1:
                # What is wrong with one of them harms no other.
                for each in group:
                    await self._store([each])
                return
            _, done = group[0]
            if not done.done():
                done.set_exception(error)
            return
        for (_, done), upload_id in zip(group, ids, strict=True):
            # Whoever is gone has let go of it.
            if not done.done():
                done.set_result(upload_id)
