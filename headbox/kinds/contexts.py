"""What a plugin's coroutines are handed: the only things of a running task that they see."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Protocol, TypeVar

from headbox.errors import HeadboxError
from headbox.kinds.declared import DeclaredArtifact
from headbox.kinds.documents import ContentUnit, RemoteDocument, SettingsDocument
from headbox.types import ProgressUnit

RemoteT_co = TypeVar("RemoteT_co", bound=RemoteDocument, covariant=True)
UnitT = TypeVar("UnitT", bound=ContentUnit)
SettingsT_co = TypeVar("SettingsT_co", bound=SettingsDocument, covariant=True)


class TaskContext(Protocol):
    """A running task."""

    @property
    def working_folder(self) -> Path:
        """A private folder, removed when the task ends, however it ends."""

    def report(
        self, code: str, message: str, *, unit: ProgressUnit = ProgressUnit.ITEMS, total: int | None = None
    ) -> Report:
        """Begin a progress report in the current action; the same code again gives the same report."""


class Report(Protocol):
    """A progress report that can be moved on."""

    def add(self, done: int = 1) -> None:
        """Count so many more as done."""


class SyncContext(TaskContext, Protocol[RemoteT_co]):
    """A running sync."""

    @property
    def remote(self) -> RemoteT_co:
        """The remote, as it stood when the task was created."""

    async def root_metadata(self, url: str) -> Path:
        """Fetch the metadata that changes whenever anything in the remote does, and return the file.

        Where it has not changed since the last sync of the same repository with the same configuration, the sync ends
        here, well.

        Raises:
            TaskError: It cannot be fetched.
        """

    async def metadata(self, url: str, *, sha256: str | None = None, size: int | None = None) -> Path:
        """Fetch other metadata and return the file.

        Raises:
            TaskError: It cannot be fetched, or is not what was declared.
        """

    def issue(self, error: HeadboxError, *, relative_path: str | None = None) -> None:
        """Leave out a unit that cannot be declared: note an issue and go on, or end the sync, as the task was told.

        It never waits: where many issues may follow each other, the plugin itself lets others have their turn, with
        `asyncio.sleep(0)` now and then.

        Raises:
            HeadboxError: The error itself, where the task's `on_error` is FAIL.
            LimitExceeded: The sync has left out 10,000 units before this one.
        """


class PublishContext(TaskContext, Protocol[SettingsT_co]):
    """A running publish."""

    @property
    def settings(self) -> SettingsT_co:
        """The publish settings."""

    def artifacts(self) -> AsyncIterator[DeclaredArtifact]:
        """Yield the files that the version serves, by path; `url` is empty."""

    def units(self, kind: type[UnitT]) -> AsyncIterator[tuple[UnitT, Sequence[DeclaredArtifact]]]:
        """Yield the content units of one kind, each with its artifacts by path, in an order that is always the same.

        The artifacts' `url` is empty.
        """

    def file(self, relative_path: str) -> AbstractContextManager[IO[str]]:
        """Open a metadata file of the publication for writing; it is part of it once the block ends.

        Raises:
            Invalid: The path climbs, or is taken.
        """
