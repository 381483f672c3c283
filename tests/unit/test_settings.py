"""Settings: read from the environment, checked, and frozen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError
from pydantic_settings import SettingsError

from headbox.settings import Settings


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("HEADBOX_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))


def test_defaults_listen_on_this_machine_alone(tmp_path: Path) -> None:
    settings = Settings()

    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8640)
    assert settings.data_dir == tmp_path / "headbox"
    assert settings.download.allowed_paths == ()


def test_each_section_is_read_from_its_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADBOX_DATA_DIR", "/data")
    monkeypatch.setenv("HEADBOX_SERVER_PORT", "1234")
    monkeypatch.setenv("HEADBOX_WORKER_LOST_AFTER_SECONDS", "60")
    monkeypatch.setenv("HEADBOX_DOWNLOAD_ALLOWED_PATHS", '["/srv", "/mnt/mirror"]')
    monkeypatch.setenv("HEADBOX_LOG_FORMAT", "json")

    settings = Settings()

    assert settings.data_dir == Path("/data")
    assert settings.server.port == 1234
    assert settings.worker.lost_after_seconds == 60
    assert settings.download.allowed_paths == (Path("/srv"), Path("/mnt/mirror"))
    assert settings.log.format == "json"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HEADBOX_SERVER_PORT", "70000"),
        ("HEADBOX_SERVER_PORT", "http"),
        ("HEADBOX_WORKER_THREADS", "0"),
        ("HEADBOX_WORKER_MAX_ATTEMPTS", "0"),
        ("HEADBOX_LOG_LEVEL", "loud"),
        ("HEADBOX_DOWNLOAD_MAX_UNITS", "-1"),
        ("HEADBOX_SERVER_PROT", "1234"),
        ("HEADBOX_DATABASE_URL", "mysql://host/headbox"),
        ("HEADBOX_DATABASE_URL", "postgres://host:port/headbox"),
        ("HEADBOX_DATABASE_URL", "postgres://user:p#ss@host/headbox"),
        ("HEADBOX_REDIS_URL", "http://host"),
        ("HEADBOX_REDIS_URL", "redis://host:99999/0"),
        ("HEADBOX_REDIS_URL", "redis://:p/ss@host/0"),
        ("HEADBOX_REDIS_URL", "redis://host/cache"),
        ("HEADBOX_REDIS_URL", "unix:///run/redis.sock?db=cache"),
        ("HEADBOX_REDIS_URL", "redis://host/0?socket_timeout=never"),
        ("HEADBOX_REDIS_URL", "redis://host/0?decode_responses=true"),
        ("HEADBOX_REDIS_URL", "redis://host/0?ssl_ca_certs=/etc/ca.pem"),
        ("HEADBOX_WORKER_LOST_AFTER_SECONDS", "inf"),
        ("HEADBOX_WORKER_LOST_AFTER_SECONDS", "3.9"),
        ("HEADBOX_WORKER_HEARTBEAT_SECONDS", "6"),
        ("HEADBOX_STORAGE_URL", "/srv/artifacts"),
        ("HEADBOX_STORAGE_URL", "file://srv/artifacts"),
        ("HEADBOX_STORAGE_URL", "s3:///prefix"),
        ("HEADBOX_STORAGE_URL", "s3://key:secret@bucket"),
        ("HEADBOX_STORAGE_URL", "s3://bucket?region=x"),
        ("HEADBOX_STORAGE_URL", "http://127.0.0.1/bucket"),
        ("HEADBOX_STORAGE_ENDPOINT", "minio:9000"),
        ("HEADBOX_STORAGE_ENDPOINT", "http://minio:9000"),
        ("HEADBOX_STORAGE_ACCESS_KEY_ID", "key"),
        ("HEADBOX_STORAGE_SECRET_ACCESS_KEY", "secret"),
        ("HEADBOX_STORAGE_DELIVERY", "redirect"),
        ("HEADBOX_STORAGE_SIGNED_URL_SECONDS", "0"),
        ("HEADBOX_STORAGE_ACCEL_PREFIX", "artifacts"),
        ("HEADBOX_USER_HEADER", "X-Forwarded-User:"),
        ("HEADBOX_USER_HEADER", "X Forwarded User"),
        ("HEADBOX_USER_HEADER", "Authorization"),
    ],
)
def test_value_that_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ValidationError):
        Settings()


def test_every_worker_process_has_a_port_for_its_health(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADBOX_WORKER_PROCESSES", "3")
    monkeypatch.setenv("HEADBOX_WORKER_HEALTH_PORT", "65533")
    assert Settings().worker.processes == 3
    monkeypatch.setenv("HEADBOX_WORKER_HEALTH_PORT", "65534")

    with pytest.raises(ValidationError, match="HEADBOX_WORKER_HEALTH_PORT"):
        Settings()


@pytest.mark.parametrize("name", ["HEADBOX_DATABASE_URL", "HEADBOX_REDIS_URL"])
def test_password_that_splits_its_address_is_not_told(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    scheme = "postgres" if "DATABASE" in name else "redis"
    monkeypatch.setenv(name, f"{scheme}://user:secret#word@host/0")

    with pytest.raises(ValidationError, match="written as %40") as refused:
        Settings()
    assert not any("secret" in error["msg"] for error in refused.value.errors())


@pytest.mark.parametrize(
    "url",
    [
        "redis://:p%23ss@host",
        "redis://host:6380/3",
        "rediss://host/?ssl_ca_certs=/etc/ca.pem",
        "unix:///run/redis.sock?db=3",
    ],
)
def test_addresses_of_redis(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("HEADBOX_REDIS_URL", url)

    assert Settings().redis.url == url


@pytest.mark.parametrize(("value", "header"), [("Remote-User", "Remote-User"), ("", None)])
def test_header_of_the_user(monkeypatch: pytest.MonkeyPatch, value: str, header: str | None) -> None:
    monkeypatch.setenv("HEADBOX_USER_HEADER", value)

    assert Settings().user_header == header


def test_list_that_is_no_json_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADBOX_DOWNLOAD_ALLOWED_PATHS", "/srv")

    with pytest.raises(SettingsError):
        Settings()


def test_settings_never_change() -> None:
    settings = Settings()

    with pytest.raises(ValidationError):
        settings.server.port = 1  # type: ignore[misc]
    with pytest.raises(ValidationError):
        settings.data_dir = Path("/elsewhere")  # type: ignore[misc]


def test_accel_is_for_files_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADBOX_STORAGE_DELIVERY", "accel")
    assert Settings().storage.delivery == "accel"

    monkeypatch.setenv("HEADBOX_STORAGE_URL", "s3://bucket/prefix")
    with pytest.raises(ValidationError, match="delivery accel needs artifacts in files"):
        Settings()


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADBOX_STORAGE_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("HEADBOX_STORAGE_SECRET_ACCESS_KEY", "hidden")

    assert "hidden" not in repr(Settings())
