"""The bodies of messages: what triggers wrote down, in the words of the API.

A body is made of nothing but its delivery and the settings, so that it is the same at every try.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from headbox.models import WebhookDelivery
from headbox.resolvers.ids import GlobalId, NodeTypes
from headbox.settings import ServerSettings
from headbox.types import WebhookEvent

#: What triggers wrote down, by the names of columns.
Document = Mapping[str, Any]


class Messages:
    """Makes bodies.

    Args:
        types: The types that have global ids.
        server: Says how clients reach the server.
    """

    def __init__(self, types: NodeTypes, server: ServerSettings) -> None:
        self._types = types
        self._base_url = (server.public_url or "").rstrip("/")
        self._data: Mapping[WebhookEvent, Callable[[Document], dict[str, Any]]] = {
            WebhookEvent.TASK_CREATED: self._of_task,
            WebhookEvent.TASK_STARTED: self._of_task,
            WebhookEvent.TASK_FINISHED: self._of_task,
            WebhookEvent.REPOSITORY_VERSION_CREATED: self._of_version,
            WebhookEvent.PUBLICATION_CREATED: self._of_publication,
            WebhookEvent.PUBLICATION_RELEASED: self._of_publication,
            WebhookEvent.DISTRIBUTION_UPDATED: self._of_distribution,
            WebhookEvent.PING: self._of_ping,
        }

    def body(self, delivery: WebhookDelivery) -> bytes:
        """Return the body of a message, as it is signed and sent."""
        return orjson.dumps(
            {
                "type": delivery.event.value,
                "timestamp": _time(delivery.created_at),
                "data": self._data[delivery.event](delivery.document),
            }
        )

    def _of_task(self, row: Document) -> dict[str, Any]:
        return {
            "task": {
                "id": self._id_of_kind(row["kind"], row["id"]),
                "kind": row["kind"],
                "state": row["state"].upper(),
                "priority": row["priority"].upper(),
                "labels": row["labels"],
                "attempt": row["attempt"],
                "correlationId": row["correlation_id"],
                "user": row["requested_by"],
                "createdAt": _time(row["created_at"]),
                "startedAt": _time(row["started_at"]),
                "finishedAt": _time(row["finished_at"]),
                "error": _error(row["error"]),
                "createdResources": [_id(*text.split(":")) for text in row["created_resources"]],
            },
            "repository": self._repository(row),
        }

    def _of_version(self, row: Document) -> dict[str, Any]:
        return {
            "repository": self._repository(row),
            "repositoryVersion": {
                **_version(row),
                "present": row["present"],
                "added": row["added"],
                "removed": row["removed"],
                "size": row["size"],
            },
        }

    def _of_publication(self, row: Document) -> dict[str, Any]:
        return {
            "repository": self._repository(row),
            "repositoryVersion": _version(row),
            "publication": {"id": _id("Publication", row["id"]), "distributable": bool(row["distributable"])},
        }

    def _of_distribution(self, row: Document) -> dict[str, Any]:
        path = f"/content/{row['base_path']}/"
        return {
            "distribution": {
                "id": _id("Distribution", row["id"]),
                "name": row["name"],
                "basePath": row["base_path"],
                # Without HEADBOX_SERVER_PUBLIC_URL, the receiver has to know where the server is.
                "url": f"{self._base_url}{path}",
            },
            "repository": self._repository(row),
            "repositoryVersion": _version(row),
            "publication": {"id": _id("Publication", row["publication_id"])},
        }

    def _of_ping(self, row: Document) -> dict[str, Any]:
        return {"webhook": {"id": _id("Webhook", row["id"]), "name": row["name"]}}

    def _repository(self, row: Document) -> dict[str, Any] | None:
        """Return the repository that an event is about; None for none, or one that is gone."""
        if row["repository_kind"] is None:
            return None
        key = self._id_of_kind(row["repository_kind"], row["repository_id"])
        return {"id": key, "name": row["repository_name"]}

    def _id_of_kind(self, kind: str, key: str) -> str | None:
        """Return the global id of a row; None where no installed plugin has its kind."""
        node_type = self._types.of_kind(kind)
        return _id(node_type.name, key) if node_type else None


def _version(row: Document) -> dict[str, Any]:
    return {"id": _id("RepositoryVersion", row["version_id"]), "number": row["version_number"]}


def _id(type_name: str, key: str) -> str:
    return str(GlobalId(type_name, UUID(key)))


def _time(stored: str | datetime | None) -> str | None:
    """Return a time in the ISO format, in UTC."""
    time = datetime.fromisoformat(stored) if isinstance(stored, str) else stored
    return time.astimezone(UTC).isoformat() if time else None


def _error(stored: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return {name: stored[name] for name in ("code", "message", "hint", "retryable")} if stored else None
