"""The settings of a headbox process: read once from `HEADBOX_*`, checked at start, handed down.

A setting `name` of the section `section` is read from `HEADBOX_SECTION_NAME`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

MEBIBYTE = 1024 * 1024


def _default_data_dir() -> Path:
    """Return the data folder of the user, as the XDG Base Directory Specification places it."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "headbox"


class Section(BaseModel):
    """A group of settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ServerSettings(Section):
    """Where the server listens."""

    host: str = Field("127.0.0.1", description="Address to listen on; while there are no accounts, a loopback address.")
    port: int = Field(8640, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    public_url: str | None = Field(None, description="Address that clients see, when it is not the one listened on.")
    shutdown_seconds: float = Field(8.0, gt=0, description="How long running work may take to end, in seconds.")


class WorkerSettings(Section):
    """How tasks are run."""

    threads: int = Field(8, ge=1, le=256, description="Tasks that one worker process runs side by side.")
    heartbeat_seconds: float = Field(2.0, gt=0, description="How often a worker says that it lives, in seconds.")
    lost_after_seconds: float = Field(10.0, gt=0, description="Silence after which a worker is lost, in seconds.")
    reconcile_seconds: float = Field(
        3.0, gt=0, description="How often lost messages and workers are looked for, in seconds."
    )
    max_attempts: int = Field(3, ge=1, description="How often a task whose worker is lost is taken up.")
    idempotency_hours: float = Field(24.0, gt=0, description="How long an idempotency key is remembered, in hours.")


class DownloadSettings(Section):
    """What may be fetched from remotes."""

    allowed_paths: tuple[Path, ...] = Field(
        (), description="Folders below which file:// remotes may read, as a JSON list."
    )
    private_addresses: bool = Field(
        True, description="Whether remotes may have loopback, link-local and private addresses."
    )
    max_metadata_bytes: int = Field(1024 * MEBIBYTE, gt=0, description="Largest metadata file of a remote, in bytes.")
    max_artifact_bytes: int = Field(1024 * 1024 * MEBIBYTE, gt=0, description="Largest artifact of a remote, in bytes.")
    max_units: int = Field(5_000_000, gt=0, description="Most content units that one sync may declare.")
    max_redirects: int = Field(10, ge=0, description="Most redirects that one request follows.")
    backoff_seconds: float = Field(0.5, ge=0, description="Wait before the first retry, in seconds; then it doubles.")


class GraphQLSettings(Section):
    """What one GraphQL operation may ask for."""

    max_depth: int = Field(20, gt=0, description="Deepest nesting of fields in an operation.")
    max_aliases: int = Field(100, gt=0, description="Most aliases in an operation.")
    max_tokens: int = Field(5_000, gt=0, description="Most tokens in a document.")
    max_cost: int = Field(
        30_000, gt=0, description="Highest cost of an operation: about one for each object it may return."
    )
    max_body_bytes: int = Field(MEBIBYTE, gt=0, description="Largest body of a request, in bytes.")


class LogSettings(Section):
    """How headbox logs."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe level that is logged."
    )
    format: Literal["auto", "text", "json"] = Field(
        "auto", description="text for people, json for machines; auto: text on a terminal."
    )


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(
        env_prefix="HEADBOX_", env_nested_delimiter="_", env_nested_max_split=1, frozen=True, extra="ignore"
    )

    data_dir: Path = Field(
        default_factory=_default_data_dir, description="Folder of the database, the artifacts and the keys."
    )
    server: ServerSettings = ServerSettings()
    worker: WorkerSettings = WorkerSettings()
    download: DownloadSettings = DownloadSettings()
    graphql: GraphQLSettings = GraphQLSettings()
    log: LogSettings = LogSettings()
