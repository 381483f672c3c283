"""The settings of a headbox process: read once from `HEADBOX_*`, checked at start, handed down.

A setting `name` of the section `section` is read from `HEADBOX_SECTION_NAME`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal, Self
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

MEBIBYTE = 1024 * 1024
LAST_PORT = 65_535

#: Name of a header.
#: Source: RFC 9110, section 5.6.2.
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
#: Headers that hold what nobody else must see.
_CREDENTIALS = frozenset({"authorization", "proxy-authorization", "cookie"})


def _default_data_dir() -> Path:
    """Return the data folder of the user, as the XDG Base Directory Specification places it."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "headbox"


class Section(BaseModel):
    """A group of settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _check_port(url: str) -> None:
    """Refuse an address that cannot be taken apart, which a password with special characters may be the reason of."""
    try:
        _ = urlsplit(url).port
    except ValueError as error:
        raise ValueError(
            "its port is no number from 0 to 65535; special characters of a password are written as %40, %2F, %23"
        ) from error


class ServerSettings(Section):
    """Where the server listens."""

    host: str = Field("127.0.0.1", description="Address to listen on; while there are no accounts, a loopback address.")
    port: int = Field(8640, ge=0, le=LAST_PORT, description="Port to listen on; 0 takes a free one.")
    content_port: int = Field(
        8641, ge=0, le=LAST_PORT, description="Port that `headbox content` listens on; 0 takes a free one."
    )
    public_url: str | None = Field(None, description="Address that clients see, when it is not the one listened on.")
    shutdown_seconds: float = Field(8.0, gt=0, description="How long running work may take to end, in seconds.")


class DatabaseSettings(Section):
    """Where the database is, and how many connections a process has to it."""

    url: str | None = Field(
        None,
        repr=False,
        description="PostgreSQL database, as postgres://user:password@host:port/name; none keeps SQLite in the data"
        " folder.",
    )
    pool_size: int = Field(
        12,
        ge=2,
        le=1000,
        description="Most connections of one pool; each process has one for each part it runs. A worker has four more"
        " than threads, if that is more.",
    )
    pool_min_size: int = Field(1, ge=0, description="Connections of one pool that stay open when nobody needs them.")
    wait_seconds: float = Field(
        10.0, gt=0, description="Longest wait for a free connection, or for a server that starts, in seconds."
    )
    statement_timeout_seconds: float = Field(300.0, gt=0, description="Longest that one statement may run, in seconds.")
    lock_timeout_seconds: float = Field(
        30.0, gt=0, description="Longest that one statement waits for a lock, in seconds."
    )
    idle_transaction_seconds: float = Field(
        10.0, gt=0, description="Silence of a process within a transaction after which it is lost, in seconds."
    )

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str | None) -> str | None:
        if not url:
            return None
        if not url.startswith(("postgres://", "postgresql://")):
            raise ValueError("it begins with postgres:// or postgresql://")
        _check_port(url)
        return url


#: Options that the address of a Redis may have behind a question mark; and with TLS, these too.
_REDIS_OPTIONS = frozenset({"db"})
_TLS_OPTIONS = frozenset(
    {
        "ssl_ca_certs",
        "ssl_ca_path",
        "ssl_certfile",
        "ssl_keyfile",
        "ssl_password",
        "ssl_cert_reqs",
        "ssl_check_hostname",
    }
)


class RedisSettings(Section):
    """The Redis that carries messages to workers and events between processes."""

    url: str | None = Field(
        None,
        repr=False,
        description="Redis, as redis://user:password@host:port/database, rediss:// with TLS, or unix://path; none keeps"
        " messages and events within one process.",
    )
    namespace: str = Field(
        "headbox",
        pattern=r"^[A-Za-z0-9_.-]{1,64}$",
        description="What the names of all keys and channels begin with: its own for each headbox that shares a Redis.",
    )

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str | None) -> str | None:
        if not url:
            return None
        if not url.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("it begins with redis://, rediss:// or unix://")
        _check_port(url)
        parts = urlsplit(url)
        options = parse_qs(parts.query, keep_blank_values=True)
        known = _REDIS_OPTIONS | (_TLS_OPTIONS if parts.scheme == "rediss" else frozenset())
        # Any other one would be the client's: it fails at each connection, or answers in another way than is expected.
        if not options.keys() <= known:
            raise ValueError(f"of options it takes {', '.join(sorted(known))}")
        databases = options.get("db", [])
        if parts.scheme != "unix" and parts.path.strip("/"):
            databases.append(parts.path.strip("/"))
        # The client would take the first one for any other text.
        if not all(database.isdecimal() for database in databases):
            raise ValueError("its database is a number")
        return url


class WorkerSettings(Section):
    """How tasks are run."""

    threads: int = Field(8, ge=1, le=256, description="Tasks that one worker process runs side by side.")
    processes: int = Field(1, ge=1, le=256, description="Worker processes that `headbox worker` runs.")
    queues: tuple[Literal["high", "normal", "low"], ...] = Field(
        ("high", "normal", "low"),
        min_length=1,
        description="Priorities whose tasks `headbox worker` runs, as a JSON list; higher ones always go first.",
    )
    health_host: str = Field(
        "127.0.0.1", description="Address that `headbox worker` shows its health and metrics on; a loopback address."
    )
    health_port: int = Field(
        8642,
        ge=0,
        le=LAST_PORT,
        description="Port that `headbox worker` shows its health and metrics on, and the next ones for its further"
        " processes; 0 takes free ones.",
    )
    heartbeat_seconds: float = Field(
        2.0, gt=0, le=3600, description="How often a worker says that it lives, in seconds."
    )
    lost_after_seconds: float = Field(
        10.0, gt=0, le=86_400, description="Silence after which a worker is lost, in seconds: two heartbeats or more."
    )
    reconcile_seconds: float = Field(
        3.0, gt=0, le=3600, description="How often lost messages and workers are looked for, in seconds."
    )
    max_attempts: int = Field(3, ge=1, description="How often a task whose worker is lost is taken up.")
    idempotency_hours: float = Field(
        24.0, gt=0, le=87_600, description="How long an idempotency key is remembered, in hours."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        # Or tasks would be taken from workers that are well, and run twice.
        if self.lost_after_seconds < 2 * self.heartbeat_seconds:
            raise ValueError(
                "HEADBOX_WORKER_LOST_AFTER_SECONDS must be twice HEADBOX_WORKER_HEARTBEAT_SECONDS, or longer"
            )
        if self.health_port and self.health_port + self.processes - 1 > LAST_PORT:
            raise ValueError(
                "HEADBOX_WORKER_HEALTH_PORT and the ports behind it are fewer than HEADBOX_WORKER_PROCESSES"
            )
        return self


class TaskSettings(Section):
    """What is kept of tasks."""

    keep_days: float | None = Field(
        None, gt=0, le=36_500, description="How long finished tasks are kept, in days; for ever when it is not set."
    )


class DistributionSettings(Section):
    """What is kept of distributions."""

    history_days: float | None = Field(
        None,
        gt=0,
        le=36_500,
        description="How long it is kept what was served until when, in days; for ever when it is not set.",
    )


class GarbageSettings(Section):
    """When content and artifacts go that nothing needs."""

    grace_hours: float = Field(
        24.0, gt=0, le=87_600, description="How long nothing must have needed what is deleted, in hours."
    )
    interval_hours: float = Field(
        24.0, ge=0, le=87_600, description="How often it is deleted, in hours; 0 leaves it to those who ask for it."
    )


class DownloadSettings(Section):
    """What may be fetched from remotes."""

    allowed_paths: tuple[Path, ...] = Field(
        (), description="Folders below which file:// remotes may read, as a JSON list."
    )
    private_addresses: bool = Field(
        True, description="Whether remotes may have loopback, link-local and private addresses."
    )
    max_metadata_bytes: int = Field(1024 * MEBIBYTE, gt=0, description="Largest metadata file of a remote, in bytes.")
    max_artifact_bytes: int = Field(
        1024 * 1024 * MEBIBYTE, gt=0, le=2**53, description="Largest artifact of a remote, in bytes."
    )
    max_units: int = Field(5_000_000, gt=0, description="Most content units that one sync may declare.")
    max_redirects: int = Field(10, ge=0, description="Most redirects that one request follows.")
    backoff_seconds: float = Field(0.5, ge=0, description="Wait before the first retry, in seconds; then it doubles.")
    source_retry_seconds: float = Field(
        300.0,
        ge=0,
        description="How long a source of stored content that failed is tried only after all others, in seconds.",
    )


class SyncSettings(Section):
    """How syncs are planned, and tried again."""

    plan_limit: int = Field(4, ge=1, description="Most plans that one process computes at a time.")
    plan_timeout_seconds: float = Field(300.0, gt=0, description="Longest time that a plan takes, in seconds.")
    plan_keep_seconds: float = Field(
        3600.0, gt=0, le=10**9, description="How long a plan can be applied after it was made, in seconds."
    )
    retry: bool = Field(
        True,
        description="Whether repositories that miss content which a sync left out are synced again by themselves.",
    )
    retry_seconds: float = Field(
        900.0, gt=0, le=10**9, description="Wait before the first such sync, in seconds; then it doubles."
    )
    retry_max_seconds: float = Field(86_400.0, gt=0, le=10**9, description="Longest wait before one, in seconds.")


class WebhookSettings(Section):
    """How webhooks are delivered, and what is kept of that."""

    private_addresses: bool = Field(
        True, description="Whether webhooks may have loopback, link-local and private addresses."
    )
    timeout_seconds: float = Field(
        15.0, gt=0, le=300, description="Longest time that a receiver takes to answer, in seconds."
    )
    backoff_seconds: float = Field(
        5.0,
        gt=0,
        le=86_400,
        description="Wait before a delivery that failed is tried again, in seconds; then four times as long.",
    )
    backoff_max_seconds: float = Field(
        21_600.0, gt=0, le=86_400, description="Longest wait between two tries of a delivery, in seconds."
    )
    give_up_hours: float = Field(
        24.0, gt=0, le=8760, description="How long a delivery is tried after its first try, in hours."
    )
    disable_after_hours: float = Field(
        120.0, gt=0, le=8760, description="How long a webhook fails before it is disabled, in hours."
    )
    keep_days: float = Field(
        30.0, gt=0, le=36_500, description="How long deliveries are kept that have ended, in days."
    )
    max_number: int = Field(200, ge=1, le=10_000, description="Most webhooks.")


class UploadSettings(Section):
    """What clients may upload."""

    max_bytes: int = Field(100 * 1024 * MEBIBYTE, gt=0, le=2**53, description="Largest upload, in bytes.")
    max_open: int = Field(10_000, ge=1, description="Most uploads that are not complete.")
    max_open_of_client: int = Field(
        1_000, ge=1, description="Most uploads of one client, told by its address, that are not complete."
    )
    expire_seconds: float = Field(
        86_400.0, gt=0, le=10**9, description="How long an upload is kept that gets no more bytes, in seconds."
    )
    silence_seconds: float = Field(
        30.0, gt=0, description="How long a client may be silent in the middle of its bytes, in seconds."
    )
    min_free_bytes: int = Field(
        1024 * MEBIBYTE, ge=0, description="Free space of the data folder that uploads leave alone, in bytes."
    )


class StorageSettings(Section):
    """Where artifacts are kept, and how their bytes get to clients."""

    url: str | None = Field(
        None, description="file:///folder or s3://bucket/prefix; none: the folder artifacts of the data folder."
    )
    endpoint: str | None = Field(None, description="Address of an S3-compatible store; none: that of AWS.")
    region: str | None = Field(None, description="Region of the bucket; none: AWS_REGION, or else us-east-1.")
    access_key_id: str | None = Field(
        None, description="Access key of the store; none: AWS_* variables, or the role of the machine."
    )
    secret_access_key: SecretStr | None = Field(None, description="Secret of the access key.")
    path_style: bool = Field(True, description="Whether the bucket is named in the path of a URL, not in its host.")
    allow_http: bool = Field(False, description="Whether an endpoint without TLS may be used.")
    conditional_put: bool = Field(
        True, description="Whether the store knows If-None-Match of a PUT; with false, twins may replace each other."
    )
    check_reads: Literal["size", "once", "always"] = Field(
        "once",
        description="What is compared of the stored files that headbox sends: size; or the digest too of files that it"
        " sends whole, once for each process and whenever a file was written since, or always.",
    )
    repair_bytes_per_second: int = Field(
        200 * MEBIBYTE, gt=0, description="Most bytes that a repair reads in a second, so that clients have the rest."
    )
    delivery: Literal["stream", "redirect", "accel"] = Field(
        "stream",
        description="Who sends stored files: stream, headbox; redirect, the store by signed URLs (s3); "
        "accel, nginx by X-Accel-Redirect (file).",
    )
    signed_url_seconds: int = Field(300, ge=1, le=604_800, description="How long a signed URL can be used, in seconds.")
    accel_prefix: str = Field(
        "/headbox-artifacts/", pattern="^/.*/$", description="Internal location of nginx that has the artifacts."
    )

    @property
    def bucket(self) -> str | None:
        """The bucket that artifacts are in, or None when they are files."""
        parts = urlsplit(self.url or "")
        return parts.netloc if parts.scheme == "s3" else None

    @property
    def prefix(self) -> str:
        """What the keys of the bucket begin with, without a slash at either end; may be empty."""
        return unquote(urlsplit(self.url or "").path).strip("/")

    @property
    def folder(self) -> Path | None:
        """The folder that artifacts are in, or None when it is that of the data folder, or there is a bucket."""
        parts = urlsplit(self.url or "")
        return Path(unquote(parts.path)) if parts.scheme == "file" else None

    @field_validator("url")
    @classmethod
    def _check_url(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "file:///")
        is_folder = parts.scheme == "file" and not parts.netloc and parts.path.startswith("/")
        is_bucket = parts.scheme == "s3" and parts.netloc and "@" not in parts.netloc
        if not (is_folder or is_bucket) or parts.query or parts.fragment:
            raise ValueError("file:///folder or s3://bucket/prefix is needed")
        return value

    @field_validator("endpoint")
    @classmethod
    def _check_endpoint(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "https://aws")
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username:
            raise ValueError("an address such as https://s3.example.com is needed")
        return value

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.endpoint and self.endpoint.startswith("http:") and not self.allow_http:
            raise ValueError("the endpoint has no TLS: use https, or set HEADBOX_STORAGE_ALLOW_HTTP")
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("HEADBOX_STORAGE_ACCESS_KEY_ID and HEADBOX_STORAGE_SECRET_ACCESS_KEY go together")
        if self.delivery == "redirect" and self.bucket is None:
            raise ValueError("delivery redirect needs HEADBOX_STORAGE_URL=s3://…")
        if self.delivery == "accel" and self.bucket is not None:
            raise ValueError("delivery accel needs artifacts in files, and not s3://…")
        return self


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
    secret_key: SecretStr | None = Field(
        None,
        description="Key that the credentials of remotes are encrypted with: 32 bytes in URL-safe Base64, the same for"
        " all processes; none reads it from a file.",
    )
    secret_key_file: Path | None = Field(
        None, description="File of that key; none: secret.key in the data folder, which is made at the first start."
    )
    user_header: str | None = Field(
        None,
        description="Request header in which the proxy in front names the user whom it let in, such as"
        " X-Forwarded-User; the proxy must replace what clients send in it; none: users are not noted.",
    )
    server: ServerSettings = ServerSettings()
    database: DatabaseSettings = DatabaseSettings()
    redis: RedisSettings = RedisSettings()
    worker: WorkerSettings = WorkerSettings()
    task: TaskSettings = TaskSettings()
    distribution: DistributionSettings = DistributionSettings()
    garbage: GarbageSettings = GarbageSettings()
    download: DownloadSettings = DownloadSettings()
    sync: SyncSettings = SyncSettings()
    storage: StorageSettings = StorageSettings()
    upload: UploadSettings = UploadSettings()
    webhook: WebhookSettings = WebhookSettings()
    graphql: GraphQLSettings = GraphQLSettings()
    log: LogSettings = LogSettings()

    @field_validator("user_header")
    @classmethod
    def _check_user_header(cls, value: str | None) -> str | None:
        if not value:
            return None
        if not _HEADER.fullmatch(value):
            raise ValueError("the name of a header is needed, such as X-Forwarded-User")
        if value.lower() in _CREDENTIALS:
            raise ValueError(
                "a header with credentials would be written down: name one that holds nothing but the user"
            )
        return value
