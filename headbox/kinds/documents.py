"""Typed documents: the fields that a kind has besides those that all kinds share.

They are stored as JSON and checked on the way in and out. A field that a later version of a plugin adds needs a
default; one that it drops is passed over when an older document is read. So a plugin's new version is a code change
and never a migration.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from types import NoneType
from typing import Any, ClassVar, Self, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from headbox.types import DownloadPolicy, SearchedField, derived_id_text

#: Schemes that a remote's URL may have.
REMOTE_SCHEMES = ("http", "https", "file")

#: Headers that say how a message is sent, and not what is asked for.
_OWN_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection", "te", "trailer", "upgrade"})


class Document(BaseModel):
    """A set of typed, immutable values.

    Attributes:
        kind: "<plugin>.<noun>", such as "file.content".
        searched: Names of the fields that lists can be filtered by; each has an index.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", validate_default=False)

    kind: ClassVar[str] = ""
    searched: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Keep the class keywords from `object`; `__pydantic_init_subclass__` reads them once the fields are known."""
        super().__init_subclass__()

    @classmethod
    def __pydantic_init_subclass__(cls, *, kind: str = "", searched: Iterable[str] = (), **_: Any) -> None:
        cls.kind = kind
        cls.searched = tuple(searched)

    @classmethod
    def secret_fields(cls) -> frozenset[str]:
        """Return the names of the fields that are stored encrypted and never shown."""
        return frozenset(name for name, field in cls.model_fields.items() if _is_secret(field.annotation))

    @classmethod
    def searched_fields(cls) -> tuple[SearchedField, ...]:
        """Return the fields that lists can be filtered by."""
        annotations = ((name, cls.model_fields[name].annotation) for name in cls.searched)
        return tuple(
            SearchedField(cls.kind, name, _holds(annotation, int, float), _holds(annotation, str))
            for name, annotation in annotations
        )

    def as_json(self) -> str:
        """Return `model_dump_json()`: a sync writes millions, and most of that method is its many arguments."""
        return self.__pydantic_serializer__.to_json(self).decode()

    def plain(self) -> dict[str, Any]:
        """Return the fields that are no secrets, as JSON values."""
        return self.model_dump(mode="json", exclude=set(self.secret_fields()))

    def secrets(self) -> dict[str, str]:
        """Return the secret fields that are set, in clear text."""
        values = ((name, getattr(self, name)) for name in sorted(self.secret_fields()))
        return {name: value.get_secret_value() for name, value in values if value is not None}

    @classmethod
    def read(cls, document: dict[str, Any], secrets: dict[str, str] | None = None) -> Self:
        """Return the document that was stored."""
        return cls.model_validate({**document, **(secrets or {})})


def _is_secret(annotation: Any) -> bool:
    return annotation is SecretStr or SecretStr in getattr(annotation, "__args__", ())


def _holds(annotation: Any, *types: type) -> bool:
    """Tell whether a field that is annotated like that holds values of some types, or nothing, and no others."""
    inner = [type_ for type_ in get_args(annotation) or (annotation,) if type_ is not NoneType]
    return bool(inner) and all(type_ in types for type_ in inner)


@dataclass(frozen=True, slots=True)
class FromUpload:
    """How a content unit is made of bytes that a client brings: one artifact, and which fields tell of it.

    All fields but those for digest and size are the client's to give.

    Attributes:
        relative_path: Name of the field that says where the artifact lies.
        sha256: Name of the field that has its digest; None: none has.
        size: Name of the field that has its size in bytes; None: none has.
    """

    relative_path: str
    sha256: str | None = None
    size: str | None = None

    @property
    def derived(self) -> frozenset[str]:
        """The names of the fields that the bytes tell."""
        return frozenset(name for name in (self.sha256, self.size) if name is not None)


class ContentUnit(Document):
    """One immutable thing.

    Attributes:
        natural_key: Names of the fields that make the unit what it is.
        unique_by: Names of the fields that no two units of one repository version may share: a unit that is added
            takes the place of the one that has them. Empty when units never stand in each other's way.
        from_upload: How one is made of bytes that a client brings; None: units of this kind come by sync alone.
    """

    natural_key: ClassVar[tuple[str, ...]] = ()
    unique_by: ClassVar[tuple[str, ...]] = ()
    from_upload: ClassVar[FromUpload | None] = None

    @classmethod
    def __pydantic_init_subclass__(
        cls,
        *,
        natural_key: Iterable[str] = (),
        unique_by: Iterable[str] = (),
        from_upload: FromUpload | None = None,
        **kwargs: Any,
    ) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.natural_key = tuple(natural_key)
        cls.unique_by = tuple(unique_by)
        cls.from_upload = from_upload

    def needed(self) -> Iterable[str]:
        """Return the identifiers of the units that this one is of no use without, as `id_of` gives them.

        They are copied together with it, and cannot be removed while it stays.
        """
        return ()

    @classmethod
    def id_of(cls, **natural_key: Any) -> str:
        """Return the identifier that a unit of this kind with a natural key has, whether or not there is one."""
        return derived_id_text(cls.kind, *_key_texts(natural_key, cls.natural_key))

    def unit_id(self) -> str:
        """Return the identifier of this unit, a UUID as text: the same kind and natural key always give the same."""
        return derived_id_text(self.kind, *_key_texts(self.__dict__, self.natural_key))

    def slot_id(self) -> str:
        """Return the identifier of the place that it takes in a version, a UUID as text.

        Its own where the kind has no `unique_by`: then nothing else takes its place.
        """
        if not self.unique_by:
            return self.unit_id()
        return derived_id_text(self.kind, "slot", *_key_texts(self.__dict__, self.unique_by))


def _key_texts(fields: dict[str, Any], names: tuple[str, ...]) -> list[str]:
    # Straight from the fields: a sync derives millions of these.
    return [value if type(value := fields[name]) is str else _key_text(value) for name in names]


def _key_text(value: object) -> str:
    return str(value) if type(value) is int else json.dumps(value, sort_keys=True, default=str)


class RemoteDocument(Document):
    """Where to sync from, and how."""

    url: str = Field(max_length=4096, description="Address to sync from: http, https or file.")
    policy: DownloadPolicy = Field(DownloadPolicy.IMMEDIATE, description="When the bytes of content are fetched.")
    download_concurrency: int = Field(10, ge=1, le=100, description="Most requests to the remote at a time, 1 to 100.")
    rate_limit: int | None = Field(None, ge=1, description="Most requests a second; without limit when null.")
    max_retries: int = Field(3, ge=0, le=20, description="Retries of a request that may succeed later, 0 to 20.")
    connect_timeout_seconds: float = Field(
        30.0, gt=0, le=3600, description="Longest wait for a connection, in seconds."
    )
    read_timeout_seconds: float = Field(60.0, gt=0, le=3600, description="Longest silence of the remote, in seconds.")
    total_timeout_seconds: float | None = Field(
        None, gt=0, description="Longest time for one whole request, in seconds; without limit when null."
    )
    proxy_url: str | None = Field(None, max_length=4096, description="Proxy to go through: http.")
    tls_verify: bool = Field(True, description="Whether the certificate of the remote is checked.")
    headers: dict[str, str] = Field(default_factory=dict, description="Headers to send to the remote, by name.")
    username: SecretStr | None = Field(None, description="User name for HTTP basic authentication.")
    password: SecretStr | None = Field(None, description="Password for HTTP basic authentication.")

    @field_validator("url")
    @classmethod
    def _url_is_absolute(cls, value: str) -> str:
        parts = _split_url(value)
        if parts.scheme not in REMOTE_SCHEMES:
            raise ValueError(f"a remote's URL starts with one of {', '.join(f'{s}://' for s in REMOTE_SCHEMES)}")
        if parts.scheme == "file":
            if parts.netloc not in {"", "localhost"} or not parts.path.startswith("/"):
                raise ValueError("the URL of a local file is file:///, followed by an absolute path")
        else:
            _check_host(parts.hostname)
        if parts.username or parts.password:
            raise ValueError("credentials belong into username and password, not into the URL")
        return value

    @field_validator("proxy_url")
    @classmethod
    def _proxy_is_http(cls, value: str | None) -> str | None:
        if value is not None:
            parts = _split_url(value)
            if parts.scheme != "http":
                raise ValueError("a proxy's URL starts with http://")
            _check_host(parts.hostname)
            if parts.username or parts.password:
                raise ValueError("the URL holds credentials, and everybody who sees the remote would see them")
        return value

    @field_validator("username")
    @classmethod
    def _username_can_be_sent(cls, value: SecretStr | None) -> SecretStr | None:
        # RFC 7617, section 2: the first colon ends the name.
        if value is not None and ":" in value.get_secret_value():
            raise ValueError("HTTP basic authentication has no user names with a colon")
        return value

    @field_validator("headers")
    @classmethod
    def _headers_are_sane(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():
            if not name.replace("-", "").isalnum() or not name.isascii() or any(c in text for c in "\r\n\0"):
                raise ValueError(f"{name!r} is not a header that can be sent")
            if name.lower() in _OWN_HEADERS:
                raise ValueError(f"{name!r} is written by headbox itself")
        return value


def _check_host(host: str | None) -> None:
    if not host:
        raise ValueError("the URL names no host")
    try:
        host.encode("idna")
    except UnicodeError as error:
        raise ValueError("the URL's host cannot be the name of one") from error


def _split_url(value: str) -> Any:
    parts = urlsplit(value)
    _ = parts.port  # raises ValueError for a port that is none
    if any(ord(character) <= 0x20 for character in value):
        raise ValueError("the URL holds white space or control characters")
    return parts


class RepositoryDocument(Document):
    """A repository of one plugin.

    Attributes:
        remote: Kind of remote that it syncs from, or None when it never syncs.
        publish_settings: Kind of publish settings, or None when it is served without publications.
        content: Kinds of content that it holds.
    """

    remote_type: ClassVar[type[RemoteDocument] | None] = None
    settings_type: ClassVar[type[SettingsDocument] | None] = None
    content_types: ClassVar[tuple[type[ContentUnit], ...]] = ()

    @classmethod
    def __pydantic_init_subclass__(
        cls,
        *,
        remote: type[RemoteDocument] | None = None,
        publish_settings: type[SettingsDocument] | None = None,
        content: Iterable[type[ContentUnit]] = (),
        **kwargs: Any,
    ) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.remote_type = remote
        cls.settings_type = publish_settings
        cls.content_types = tuple(content)


@dataclass(frozen=True, slots=True)
class ClientSetup:
    """How a client is pointed at what a distribution serves.

    Attributes:
        client: The client, or what is done with it; for people.
        text: Commands to run, or lines for its configuration file.
        filename: The configuration file that the text belongs into; None for commands.
    """

    client: str
    text: str
    filename: str | None = None


class SettingsDocument(Document):
    """How a repository version is published. Every field has a default."""

    def client_setups(self, url: str) -> Iterable[ClientSetup]:
        """Return how clients are pointed at what was published with these settings; nothing unless a kind tells.

        Args:
            url: Address that it is served at, with a slash at its end: safe to be quoted by a shell as it stands.
        """
        return ()
