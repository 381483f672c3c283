"""Fetching a remote's metadata, and seeing at a glance that nothing has changed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

from pydantic import ValidationError

from headbox.download.interface import Downloader, Fetched, Validators
from headbox.errors import MetadataInvalid
from headbox.pipeline.run import Reading


class Unchanged(Exception):
    """The remote holds what the last sync saw; there is nothing to do."""


@dataclass
class Metadata:
    """The metadata files of one sync.

    Attributes:
        reading: Whoever reads them.
        downloader: Fetches them.
        known: URL -> etag, last_modified and sha256 of the root metadata that the last sync saw, or nothing when it
            must not be skipped.
        latest_url: What was fetched last; the remote's own URL before anything was.
        seen: As `known`, of this sync.
    """

    reading: Reading
    downloader: Downloader
    known: dict[str, dict[str, str | None]]
    latest_url: str
    seen: dict[str, dict[str, str | None]] = field(default_factory=dict)
    _files: int = 0

    def __post_init__(self) -> None:
        self._report = self.reading.report("sync.download.metadata", "Fetching metadata")

    async def root(self, url: str) -> Path:
        """Fetch root metadata.

        Raises:
            Unchanged: It is what it was, and no other was seen before that is not.
            TaskError: It cannot be fetched.
        """
        # Once something has changed, all of it is read: what was left out would look gone.
        last = None if self.seen else self.known.get(url)
        validators = Validators(etag=last["etag"], last_modified=last["last_modified"]) if last else None
        path = self._new_file()
        fetched = await self._fetch(url, path, if_changed=validators)
        if fetched is None or (last and last["sha256"] == fetched.sha256):
            raise Unchanged
        self.seen[url] = {**asdict(fetched.validators), "sha256": fetched.sha256}
        return path

    async def other(self, url: str, *, sha256: str | None = None, size: int | None = None) -> Path:
        """Fetch metadata that root metadata names.

        Raises:
            TaskError: It cannot be fetched, or is not what was declared.
        """
        path = self._new_file()
        await self._fetch(url, path, sha256=sha256, size=size)
        return path

    def refused(self, error: ValidationError) -> MetadataInvalid:
        """Say what a plugin's documents refused of the metadata that was fetched last, and where in it that stands."""
        detail = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in detail["loc"])
        reason = detail["msg"].removeprefix("Value error, ").rstrip(".")
        return MetadataInvalid(url=self.latest_url, reason=f"{place}: {reason}" if place else reason)

    def _new_file(self) -> Path:
        self._files += 1
        return self.reading.working_folder / f"metadata-{self._files}"

    async def _fetch(
        self,
        url: str,
        path: Path,
        *,
        sha256: str | None = None,
        size: int | None = None,
        if_changed: Validators | None = None,
    ) -> Fetched | None:
        self.latest_url = url
        fetched = await self.downloader.fetch(
            url,
            path,
            sha256=sha256,
            size=size,
            max_bytes=self.reading.engine.settings.download.max_metadata_bytes,
            if_changed=if_changed,
        )
        self._report.add()
        return fetched
