"""Where a bucket is, by the settings."""

from __future__ import annotations

import pytest

from headbox.settings import StorageSettings
from headbox.storage import S3Storage

DIGEST = "ab" * 32


@pytest.fixture(autouse=True)
def role(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ROLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({}, "https://s3.us-east-1.amazonaws.com/packages/a/b/"),
        ({"region": "eu-central-1"}, "https://s3.eu-central-1.amazonaws.com/packages/a/b/"),
        ({"path_style": False}, "https://packages.s3.us-east-1.amazonaws.com/a/b/"),
        ({"endpoint": "https://minio.example.com:9000"}, "https://minio.example.com:9000/packages/a/b/"),
        (
            {"endpoint": "https://s3.example.com", "path_style": False},
            "https://packages.s3.example.com/a/b/",
        ),
    ],
)
async def test_bucket_has_the_address_that_the_settings_make(settings: dict[str, object], place: str) -> None:
    storage = S3Storage.of(StorageSettings.model_validate({"url": "s3://packages/a/b", **settings}))

    url = await storage.signed_url(DIGEST, 60)

    assert url.partition("?")[0] == f"{place}{DIGEST[:2]}/{DIGEST[2:]}"


async def test_region_of_the_environment_counts_where_none_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-north-1")

    url = await S3Storage.of(StorageSettings(url="s3://packages")).signed_url(DIGEST, 60)

    assert url.startswith("https://s3.eu-north-1.amazonaws.com/packages/")


async def test_key_of_the_settings_counts_before_that_of_the_environment() -> None:
    url = "s3://packages"
    own = StorageSettings.model_validate({"url": url, "access_key_id": "OWN", "secret_access_key": "secret"})

    assert "X-Amz-Credential=ROLE" in await S3Storage.of(StorageSettings(url=url)).signed_url(DIGEST, 60)
    assert "X-Amz-Credential=OWN" in await S3Storage.of(own).signed_url(DIGEST, 60)
