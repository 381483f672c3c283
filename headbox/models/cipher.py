"""Encryption of what the database must not hold in clear text: the credentials of remotes."""

from __future__ import annotations

import json
import os
from pathlib import Path

from cryptography.fernet import Fernet

#: Name of the key's file in the data folder.
KEY_FILE = "secret.key"


class Cipher:
    """Encrypts with the key of this installation.

    Source: the Fernet specification (AES-128-CBC with HMAC-SHA-256).
    """

    def __init__(self, key: bytes) -> None:
        self._fernet = Fernet(key)

    @classmethod
    def of_data_dir(cls, data_dir: Path) -> Cipher:
        """Return the cipher of a data folder; its key is made at the first time, readable by its owner alone."""
        path = data_dir / KEY_FILE
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return cls(path.read_bytes())
        key = Fernet.generate_key()
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
        return cls(key)

    def encrypt(self, secrets: dict[str, str]) -> str | None:
        """Return the secrets as text to store, or None when there are none."""
        return self._fernet.encrypt(json.dumps(secrets).encode()).decode() if secrets else None

    def decrypt(self, stored: str | None) -> dict[str, str]:
        """Return what `encrypt` was given."""
        if stored is None:
            return {}
        secrets: dict[str, str] = json.loads(self._fernet.decrypt(stored.encode()))
        return secrets
