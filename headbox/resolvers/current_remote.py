"""A remote together with its current revision: what the API calls a remote."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from headbox.models import Remote
from headbox.models.database import model_from

#: What is selected of a remote, and from where.
COLUMNS = "remote.*, current.document AS current_document, current.secrets IS NOT NULL AS has_credentials"
SOURCE = "remote JOIN remote_revision current ON current.remote_id = remote.id AND current.number = remote.revision"


@dataclass(frozen=True, slots=True)
class CurrentRemote:
    """A remote as it is now.

    Attributes:
        row: What does not change from revision to revision.
        document: The fields of the current revision that are no secrets.
        has_credentials: Whether it has secrets.
    """

    row: Remote
    document: dict[str, Any]
    has_credentials: bool

    @classmethod
    def of(cls, row: dict[str, Any]) -> CurrentRemote:
        """Return the remote of a row of `COLUMNS`."""
        document = row["current_document"]
        return cls(
            model_from(Remote, row),
            orjson.loads(document) if isinstance(document, str) else document,
            bool(row["has_credentials"]),
        )

    @property
    def id(self) -> UUID:
        """Its identifier."""
        return self.row.id

    @property
    def kind(self) -> str:
        """Its kind."""
        return self.row.kind

    @property
    def name(self) -> str:
        """Its name."""
        return self.row.name

    @property
    def labels(self) -> dict[str, str]:
        """Its labels."""
        return self.row.labels

    @property
    def revision(self) -> int:
        """The number of its current revision."""
        return self.row.revision

    @property
    def created_at(self) -> datetime:
        """When it was created."""
        return self.row.created_at
