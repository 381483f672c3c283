"""Global ids: a type's name and the row's own id, opaque to clients."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from tortoise.models import Model

from headbox.errors import NotFound, WrongType
from headbox.kinds import (
    ContentUnit,
    Document,
    Registry,
    RemoteDocument,
    RepositoryDocument,
    SettingsDocument,
    TaskType,
)
from headbox.models import (
    Content,
    Distribution,
    Publication,
    PublishSettings,
    Remote,
    Repository,
    RepositoryVersion,
    Schedule,
    Task,
    TaskGroup,
    Upload,
    Webhook,
    Worker,
)

#: The type that the ids of plans name: it is no node, for plans are gone soon.
SYNC_PLAN = "SyncPlan"
#: Models whose rows are all of one type.
PLAIN_MODELS: tuple[type[Model], ...] = (
    Distribution,
    Publication,
    RepositoryVersion,
    Schedule,
    TaskGroup,
    Upload,
    Webhook,
    Worker,
)
#: Models whose rows have the type of their kind.
MODELS_BY_DOCUMENT: tuple[tuple[type[Document], type[Model]], ...] = (
    (ContentUnit, Content),
    (RemoteDocument, Remote),
    (RepositoryDocument, Repository),
    (SettingsDocument, PublishSettings),
    (TaskType, Task),
)


@dataclass(frozen=True, slots=True)
class GlobalId:
    """What a global id says. As text it is base64 of "Type:uuid".

    Source: the GraphQL Global Object Identification specification.
    """

    type_name: str
    id: UUID

    def __str__(self) -> str:
        return base64.b64encode(f"{self.type_name}:{self.id}".encode()).decode()

    @classmethod
    def parse(cls, text: str) -> GlobalId | None:
        """Return what a text says, or None when it is no global id."""
        try:
            type_name, _, identifier = base64.b64decode(text, validate=True).decode().partition(":")
            return cls(type_name, UUID(identifier))
        except (binascii.Error, ValueError):
            return None


@dataclass(frozen=True, slots=True)
class NodeType:
    """A type that has global ids.

    Attributes:
        name: Its name in the API.
        model: Where its rows are.
        kind: Kind of its rows; None when the model has no kinds.
    """

    name: str
    model: type[Model]
    kind: str | None = None


class NodeTypes:
    """The types that have global ids, with those of the installed plugins."""

    def __init__(self, registry: Registry) -> None:
        types = [NodeType(model.__name__, model) for model in PLAIN_MODELS]
        for document, model in MODELS_BY_DOCUMENT:
            types += (NodeType(declared.__name__, model, declared.kind) for declared in registry.all(document))
        self._by_name = {node_type.name: node_type for node_type in types}
        self._by_kind = {node_type.kind: node_type for node_type in types if node_type.kind}

    def named(self, name: str) -> NodeType | None:
        """Return the type with a name."""
        return self._by_name.get(name)

    def of_kind(self, kind: str) -> NodeType | None:
        """Return the type of a kind, or None when no installed plugin has it."""
        return self._by_kind.get(kind)

    def name_of(self, node: object) -> str | None:
        """Return the name of a row's type, or None when no installed plugin has its kind."""
        kind = getattr(node, "kind", None)
        if kind is None:
            return type(node).__name__
        node_type = self.of_kind(kind)
        return node_type.name if node_type else None

    def kinds_of(self, model: type[Model]) -> tuple[str, ...]:
        """Return the kinds of a model's rows that installed plugins have."""
        return tuple(kind for kind, node_type in self._by_kind.items() if node_type.model is model and kind)

    def row_id(self, text: str, model: type[Model]) -> UUID | None:
        """Return the row id in a global id, or None where it is that of something else, or of nothing."""
        parsed = GlobalId.parse(text)
        found = self.named(parsed.type_name) if parsed else None
        return parsed.id if parsed and found and found.model is model else None

    def decode(self, text: str, model: type[Model], *, kind: str | None = None, path: Sequence[str] = ()) -> UUID:
        """Return the row id in a global id that a client sent.

        Args:
            text: The global id.
            model: What it should be an id of.
            kind: Of which kind; any when None.
            path: The input field that held it.

        Raises:
            NotFound: It is no id of anything.
            WrongType: It is the id of something else.
        """
        wanted = self._by_kind[kind].name if kind else model.__name__
        parsed = GlobalId.parse(text)
        found = self.named(parsed.type_name) if parsed else None
        if parsed is None or found is None:
            raise NotFound(what=wanted, key=text, path=path)
        if found.model is not model or kind not in (None, found.kind):
            raise WrongType(key=text, actual=found.name, expected=wanted, path=path)
        return parsed.id
