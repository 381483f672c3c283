"""Secrets are stored encrypted, with a key that only the server's user can read."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.fernet import InvalidToken

from headbox.models.cipher import KEY_FILE, Cipher, KeyUnusable


def test_secrets_come_back(tmp_path: Path) -> None:
    stored = Cipher.of_data_dir(tmp_path).encrypt({"password": "wire"})

    assert stored is not None
    assert "wire" not in stored
    assert Cipher.of_data_dir(tmp_path).decrypt(stored) == {"password": "wire"}


def test_no_secrets_are_nothing_to_store(tmp_path: Path) -> None:
    cipher = Cipher.of_data_dir(tmp_path)

    assert cipher.encrypt({}) is None
    assert cipher.decrypt(None) == {}


def test_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    Cipher.of_data_dir(tmp_path)

    assert (tmp_path / KEY_FILE).stat().st_mode & 0o777 == 0o600


def test_key_of_another_folder_opens_nothing(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    stored = Cipher.of_data_dir(tmp_path / "one").encrypt({"password": "wire"})

    with pytest.raises(InvalidToken):
        Cipher.of_data_dir(tmp_path / "two").decrypt(stored)


@pytest.mark.parametrize("rubbish", [b"", b"half a key"])
def test_key_that_is_none_is_refused(tmp_path: Path, rubbish: bytes) -> None:
    (tmp_path / KEY_FILE).write_bytes(rubbish)

    with pytest.raises(KeyUnusable):
        Cipher.of_data_dir(tmp_path)


def test_nothing_but_the_key_is_left(tmp_path: Path) -> None:
    Cipher.of_data_dir(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]
