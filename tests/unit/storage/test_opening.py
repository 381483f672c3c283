"""Which storage the settings choose."""

from __future__ import annotations

from pathlib import Path

import pytest

from headbox.settings import Settings, StorageSettings
from headbox.storage import FilesystemStorage, S3Storage, StorageUnusable, open_storage

DIGEST = "ab" * 32


def settings(data_dir: Path, url: str | None) -> Settings:
    return Settings(data_dir=data_dir, storage=StorageSettings(url=url))


def test_without_a_setting_artifacts_are_in_the_data_folder(tmp_path: Path) -> None:
    storage = open_storage(settings(tmp_path, None))

    assert isinstance(storage, FilesystemStorage)
    assert storage.path_of(DIGEST).is_relative_to(tmp_path / "artifacts")


def test_a_file_url_names_their_folder(tmp_path: Path) -> None:
    storage = open_storage(settings(tmp_path / "data", f"file://{tmp_path}/my%20artifacts"))

    assert isinstance(storage, FilesystemStorage)
    assert storage.path_of(DIGEST).is_relative_to(tmp_path / "my artifacts")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("url", "name"),
    [("s3://bucket", "s3://bucket"), ("s3://bucket/", "s3://bucket"), ("s3://bucket/a/b/", "s3://bucket/a/b")],
)
def test_an_s3_url_names_bucket_and_prefix(tmp_path: Path, url: str, name: str) -> None:
    storage = open_storage(settings(tmp_path, url))

    assert isinstance(storage, S3Storage)
    assert storage.name == name


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StorageUnusable, match="file/artifacts cannot be used: Not a directory"):
        open_storage(settings(tmp_path, f"file://{tmp_path}/file/artifacts"))


@pytest.mark.parametrize("prefix", ["a/../b", "a//b"])
def test_a_prefix_that_no_object_can_have_is_told(tmp_path: Path, prefix: str) -> None:
    with pytest.raises(StorageUnusable, match=f"cannot be kept in s3://bucket/{prefix}"):
        open_storage(settings(tmp_path, f"s3://bucket/{prefix}"))
