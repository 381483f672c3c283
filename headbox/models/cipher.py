"""Encryption of what the database must not hold in clear text: the credentials of remotes."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from cryptography.fernet import Fernet

from headbox.settings import Settings

#: Name of the key's file in the data folder.
KEY_FILE = "secret.key"


class KeyUnusable(Exception):
    """The key of the installation is damaged."""


class Cipher:
    """Encrypts with the key of this installation.

    Source: the Fernet specification (AES-128-CBC with HMAC-SHA-256).
    """

    def __init__(self, key: bytes) -> None:
        self._fernet = Fernet(key)

    @classmethod
    def of(cls, settings: Settings) -> Cipher:
        """Return the cipher of the key that the settings have or name.

        Raises:
            KeyUnusable: It is none.
        """
        if settings.secret_key is not None:
            return cls._of(settings.secret_key.get_secret_value().encode(), "HEADBOX_SECRET_KEY")
        if settings.secret_key_file is not None:
            path = settings.secret_key_file
            try:
                return cls._of(path.read_bytes().strip(), str(path))
            except OSError as error:
                raise KeyUnusable(f"{path} cannot be read: {error.strerror}") from error
        return cls.of_data_dir(settings.data_dir)

    @classmethod
    def of_data_dir(cls, data_dir: Path) -> Cipher:
        """Return the cipher of a data folder; its key is made at the first time, readable by its owner alone.

        Raises:
            KeyUnusable: The file holds no key.
        """
        path = data_dir / KEY_FILE
        if not path.exists():
            _make_key(path)
        return cls._of(path.read_bytes(), str(path))

    @classmethod
    def _of(cls, key: bytes, place: str) -> Cipher:
        try:
            return cls(key)
        except ValueError as error:
            raise KeyUnusable(f"{place} holds no key") from error

    def encrypt(self, secrets: dict[str, str]) -> str | None:
        """Return the secrets as text to store, or None when there are none."""
        return self._fernet.encrypt(json.dumps(secrets).encode()).decode() if secrets else None

    def decrypt(self, stored: str | None) -> dict[str, str]:
        """Return what `encrypt` was given."""
        if stored is None:
            return {}
        secrets: dict[str, str] = json.loads(self._fernet.decrypt(stored.encode()))
        return secrets


def _make_key(path: Path) -> None:
    """Write a new key whole, or not at all: without it, the credentials of every remote are lost."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(Fernet.generate_key())
            file.flush()
            os.fsync(file.fileno())
        # Another process may have made one meanwhile: the first one is the key.
        with suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
