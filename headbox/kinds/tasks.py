"""Task types: what a mutation can ask for, with typed parameters and a coroutine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from headbox.kinds.contexts import PublishContext, SyncContext, TaskContext
from headbox.kinds.declared import DeclaredContent
from headbox.kinds.documents import Document, RemoteDocument, RepositoryDocument, SettingsDocument
from headbox.types import Automation, OnError, Origin, SyncMode

RepositoryT = TypeVar("RepositoryT", bound=RepositoryDocument)
RemoteT = TypeVar("RemoteT", bound=RemoteDocument)
SettingsT = TypeVar("SettingsT", bound=SettingsDocument)


@dataclass(frozen=True, slots=True)
class ClaimTemplate:
    """A hold on what a parameter names.

    Attributes:
        parameter: Name of the parameter.
        exclusive: Whether the task has it alone.
        of: What it is: tasks that claim the same thing claim it under the same word.
    """

    parameter: str
    exclusive: bool
    of: str

    def resource(self, value: object) -> str:
        """Return the name of the resource that a value of the parameter stands for, such as "repository:<id>"."""
        return f"{self.of}:{value}"


def exclusive(parameter: str, *, of: str | None = None) -> ClaimTemplate:
    """Claim what a parameter names for this task alone.

    Args:
        parameter: Name of the parameter.
        of: What it is, where the parameter has another name: `exclusive("destination", of="repository")`.
    """
    return ClaimTemplate(parameter, exclusive=True, of=of or parameter)


def shared(parameter: str, *, of: str | None = None) -> ClaimTemplate:
    """Claim what a parameter names together with others that share it; the arguments are those of `exclusive`."""
    return ClaimTemplate(parameter, exclusive=False, of=of or parameter)


class TaskType(Document):
    """A kind of task; its fields are its parameters.

    Attributes:
        kind: "<plugin>.<verb>", such as "file.sync".
        claims: What a task of this type holds from its start to its end.
    """

    claims: ClassVar[tuple[ClaimTemplate, ...]] = ()

    @classmethod
    def __pydantic_init_subclass__(cls, *, claims: Iterable[ClaimTemplate] | None = None, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if claims is not None:
            cls.claims = tuple(claims)

    @classmethod
    def type_arguments(cls) -> tuple[Any, ...]:
        """Return the documents that a generic task type was declared with: `SyncTask[A, B]` gives (A, B)."""
        for base in cls.__mro__:
            arguments = getattr(base, "__pydantic_generic_metadata__", {}).get("args")
            if arguments:
                return tuple(arguments)
        return ()

    async def run(self, ctx: TaskContext) -> None:
        """Do the work."""
        raise NotImplementedError


class AppliedPlan(BaseModel):
    """What a sync keeps of the plan that it applies.

    Attributes:
        version_number: Number of the repository's latest version that it was computed against.
        fingerprint: Of everything that the remote declared.
    """

    model_config = ConfigDict(frozen=True)

    id: UUID
    version_number: int
    fingerprint: str


class SyncTask(TaskType, Generic[RepositoryT, RemoteT], claims=(exclusive("repository"),)):
    """Make a repository version of what a remote holds."""

    repository: UUID = Field(description="Repository to sync into.")
    remote: UUID = Field(description="Remote to sync from; the repository's own when left out.")
    remote_revision: UUID = Field(description="Revision of the remote that was current when the task was created.")
    mode: SyncMode = Field(SyncMode.ADDITIVE, description="What happens to units that the remote no longer holds.")
    keep_uploads: bool = Field(True, description="Whether a mirror keeps what came in by upload or copy.")
    automation: Automation = Field(Automation.NONE, description="How far the new version goes by itself.")
    settings: UUID | None = Field(None, description="Publish settings for the new version's publication.")
    on_error: OnError = Field(OnError.FAIL, description="What happens to a unit that cannot be had.")
    force: bool = Field(False, description="Sync even where the remote says that nothing changed.")
    plan: AppliedPlan | None = Field(None, description="The plan that it applies, or else changes nothing.")

    @classmethod
    def repository_type(cls) -> type[RepositoryDocument]:
        """Return the kind of repository that it syncs into."""
        return cls.type_arguments()[0]  # type: ignore[no-any-return]

    @property
    def origins_that_go(self) -> frozenset[Origin]:
        """How units came in that are removed where the remote does not hold them."""
        if self.mode is not SyncMode.MIRROR:
            return frozenset()
        return frozenset({Origin.SYNC}) if self.keep_uploads else frozenset(Origin)

    @classmethod
    def remote_type(cls) -> type[RemoteDocument]:
        """Return the kind of remote that it syncs from."""
        return cls.type_arguments()[1]  # type: ignore[no-any-return]

    def declare(self, ctx: SyncContext[RemoteT]) -> AsyncIterator[DeclaredContent]:
        """Yield everything that the remote holds now: an async generator that compares, saves and counts nothing.

        Raises:
            HeadboxError: The sync fails with it.
            ValidationError: Of pydantic; the sync fails with a `MetadataInvalid` that says what was refused, and where.
        """
        raise NotImplementedError


class VersionTask(TaskType, Generic[RepositoryT], claims=(exclusive("repository"),)):
    """Make a repository version of the one before it, without a remote."""

    repository: UUID = Field(description="Repository to change.")
    overwrite: bool = Field(True, description="Whether a unit that is added takes the place of one that stands there.")
    automation: Automation = Field(Automation.NONE, description="How far the new version goes by itself.")
    settings: UUID | None = Field(None, description="Publish settings for the new version's publication.")

    @classmethod
    def repository_type(cls) -> type[RepositoryDocument]:
        """Return the kind of repository that it changes."""
        return cls.type_arguments()[0]  # type: ignore[no-any-return]


class AddTask(VersionTask[RepositoryT], Generic[RepositoryT]):
    """Add content units to a repository, and remove others, in one new version.

    Those that wait for the same repository are committed together.
    """

    add: tuple[UUID, ...] = Field((), description="Content units to add.")
    remove: tuple[UUID, ...] = Field((), description="Content units to remove.")
    base: UUID | None = Field(None, description="Repository version to begin with; the latest one when null.")


class CopyTask(VersionTask[RepositoryT], Generic[RepositoryT]):
    """Add content units of another repository version, with all that they need."""

    source: UUID = Field(description="Repository version to copy from.")
    filter: dict[str, Any] | None = Field(None, description="Which of its content units; all when null.")
    with_needed: bool = Field(True, description="Whether the units that others need come with them.")


class PublishTask(TaskType, Generic[RepositoryT, SettingsT]):
    """Make a publication of a repository version.

    Attributes:
        renderer: Number of the renderer: one more whenever it renders the same version differently.
    """

    renderer: ClassVar[int] = 1

    repository_version: UUID = Field(description="Repository version to publish.")
    settings: UUID = Field(description="Publish settings.")
    distributable: bool = Field(True, description="False holds the publication back until it is released.")

    @classmethod
    def __pydantic_init_subclass__(cls, *, renderer: int = 1, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.renderer = renderer

    @classmethod
    def repository_type(cls) -> type[RepositoryDocument]:
        """Return the kind of repository that it publishes."""
        return cls.type_arguments()[0]  # type: ignore[no-any-return]

    async def render(self, ctx: PublishContext[SettingsT]) -> None:
        """Write the metadata files that clients need beside the content."""
        raise NotImplementedError
