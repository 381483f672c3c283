"""Typed documents: checked, stored without their secrets, and read again by later versions of a plugin."""

from __future__ import annotations

import pytest
from pydantic import Field, SecretStr, ValidationError

from headbox.kinds import ContentUnit, Document, RemoteDocument
from headbox.plugins.file.kinds import FileContent, FileRemote


class Crate(ContentUnit, kind="crate.crate", natural_key=("name", "version"), unique_by=("name",), searched=("name",)):
    """A crate."""

    name: str = Field(description="Name.")
    version: int = Field(0, description="Version.")
    note: str = Field("", description="Note.")


class Vault(Document, kind="crate.vault"):
    """A vault."""

    place: str = Field("here", description="Place.")
    key: SecretStr | None = Field(None, description="Key.")


def test_secrets_are_kept_apart() -> None:
    vault = Vault(place="there", key=SecretStr("wire"))

    assert vault.plain() == {"place": "there"}
    assert vault.secrets() == {"key": "wire"}
    assert Vault.read(vault.plain(), vault.secrets()) == vault
    assert "wire" not in repr(vault)


def test_document_of_another_version_is_read() -> None:
    assert Vault.read({"dropped": 1}) == Vault(place="here")


def test_documents_do_not_change() -> None:
    with pytest.raises(ValidationError):
        Vault().place = "there"  # type: ignore[misc]


def test_same_natural_key_is_the_same_unit() -> None:
    assert Crate(name="a", version=1).unit_id() == Crate(name="a", version=1).unit_id()
    assert Crate(name="a", version=1).unit_id() != Crate(name="a", version=2).unit_id()


def test_fields_beside_the_natural_key_do_not_matter() -> None:
    first = Crate(name="a", version=1, note="one")
    second = Crate(name="a", version=1, note="two")

    assert first.unit_id() == second.unit_id()


def test_size_is_part_of_what_a_file_is() -> None:
    honest = FileContent(relative_path="a", sha256="ab" * 32, size=1)
    lying = FileContent(relative_path="a", sha256="ab" * 32, size=2)

    assert honest.unit_id() != lying.unit_id()
    assert honest.slot_id() == lying.slot_id()


def test_units_that_want_one_place_have_one_slot() -> None:
    assert Crate(name="a", version=1).slot_id() == Crate(name="a", version=2).slot_id()
    assert Crate(name="a").slot_id() != Crate(name="b").slot_id()
    assert Crate(name="a").slot_id() != Crate(name="a").unit_id()


def test_declaration_stays_with_its_class() -> None:
    assert (Crate.kind, Crate.natural_key, Crate.unique_by, Crate.searched) == (
        "crate.crate",
        ("name", "version"),
        ("name",),
        ("name",),
    )
    assert (Document.kind, ContentUnit.natural_key) == ("", ())


@pytest.mark.parametrize(
    "url", ["http://example.org/", "https://[::1]:8443/a?b=c", "file:///srv/mirror/PULP_MANIFEST", "HTTP://EXAMPLE.org"]
)
def test_url_of_a_remote(url: str) -> None:
    assert FileRemote(url=url).url == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org",
        "/srv/mirror",
        "ftp://example.org/",
        "gopher://example.org/",
        "javascript:alert(1)",
        "http://",
        "http:///path",
        "http://crane:wire@example.org/",
        "http://example.org:70000/",
        "http://example.org/a b",
        "http://example.org/\n",
        "http://[",
        f"http://example.org/{'a' * 4096}",
    ],
)
def test_url_that_cannot_be_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        FileRemote(url=url)


@pytest.mark.parametrize(
    "fields",
    [
        {"download_concurrency": 0},
        {"download_concurrency": 101},
        {"rate_limit": 0},
        {"max_retries": -1},
        {"max_retries": 21},
        {"connect_timeout_seconds": 0},
        {"read_timeout_seconds": -1},
        {"policy": "sometimes"},
        {"proxy_url": "socks5://example.org"},
        {"proxy_url": "http://"},
        {"headers": {"Bad Name": "x"}},
        {"headers": {"X-A": "x\r\nX-B: y"}},
        {"headers": {"X-A": 1}},
    ],
    ids=str,
)
def test_value_of_a_remote_that_cannot_be_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        FileRemote.model_validate({"url": "http://example.org/", **fields})


def test_credentials_are_secret_fields() -> None:
    assert RemoteDocument.secret_fields() == {"username", "password"}
