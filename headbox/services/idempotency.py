"""Idempotency keys: a request that is sent again makes nothing again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson
from tortoise.models import Model

from headbox.errors import IdempotencyConflict, Invalid
from headbox.models import IdempotencyKey, Task
from headbox.models.database import lock_name, now
from headbox.tasking import user
from headbox.tasking.engine import UnitOfWork

#: Longest idempotency key, in characters.
MAX_KEY = 255

_PATH = ("idempotency_key",)


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A client's key, with what the client asked for under it.

    What it asked for, not what that was resolved to: a repeated request stays the same whatever was changed meanwhile.
    """

    key: str
    request: str

    @classmethod
    def of(cls, key: str | None, kind: str, asked: dict[str, Any]) -> Idempotency | None:
        """Return the key of a request, or None where the client sent none.

        Args:
            key: The client's.
            kind: Kind of task that it asks for.
            asked: What it asks for; rows stand for their ids.

        Raises:
            Invalid: The key is empty or too long.
        """
        if key is None:
            return None
        if not key or len(key) > MAX_KEY or "\0" in key:
            raise Invalid(field="idempotency_key", reason=f"it has 1 to {MAX_KEY} characters", path=_PATH)
        # Who asks is part of what is asked: under another user's key, a request is refused. It must neither be given
        # the task of somebody else, nor be taken for done, where what was done bears another name.
        document = orjson.dumps([kind, asked, user.current()], option=orjson.OPT_SORT_KEYS, default=_plain)
        return cls(key, hashlib.sha256(document).hexdigest())

    async def earlier(self, work: UnitOfWork) -> Task | None:
        """Return the task that the same request made before, or None; then nobody else makes one meanwhile.

        Raises:
            IdempotencyConflict: The key was used for another request.
        """
        await lock_name(work.connection, "idempotency_key", self.key)
        known = await IdempotencyKey.get_or_none(key=self.key, using_db=work.connection)
        if known is None:
            return None
        if known.expires_at <= await now(work.connection):
            await known.delete(using_db=work.connection)
            return None
        if known.request != self.request:
            raise IdempotencyConflict(key=self.key, path=_PATH)
        return await Task.get(id=known.task_id, using_db=work.connection)

    async def remember(self, work: UnitOfWork, task: Task) -> None:
        """Keep the key for the task that the request made."""
        expires_at = await now(work.connection) + timedelta(hours=work.settings.worker.idempotency_hours)
        await IdempotencyKey.create(
            key=self.key, request=self.request, task_id=task.id, expires_at=expires_at, using_db=work.connection
        )


def _plain(value: object) -> str:
    return str(value.pk) if isinstance(value, Model) else str(value)
