"""What all processes of an installation must agree on."""

from __future__ import annotations

from cryptography.fernet import InvalidToken

from headbox.models import Installation
from headbox.models.cipher import Cipher
from headbox.models.database import Connection, execute
from headbox.models.installation import THE_ONLY

_KNOWN = {"check": "headbox"}


class OtherKey(Exception):
    """The database was made with another key than this process has."""


async def check_key(connection: Connection, cipher: Cipher) -> None:
    """Make sure that this process has the key that the credentials in the database are encrypted with.

    Raises:
        OtherKey: It has another one.
    """
    stored = await Installation.get_or_none(id=THE_ONLY)
    if stored is None:
        # Of two that are first, one is: the other one is checked against it.
        await execute(
            connection,
            "INSERT INTO installation (id, key_check) VALUES (?, ?) ON CONFLICT (id) DO NOTHING",
            [THE_ONLY, cipher.encrypt(_KNOWN)],
        )
        stored = await Installation.get(id=THE_ONLY)
    try:
        cipher.decrypt(stored.key_check)
    except InvalidToken as error:
        raise OtherKey("this is not the key that the database was made with") from error


async def renew_key(connection: Connection, cipher: Cipher) -> int:
    """Take the key of this process for the right one from here on, and return how many revisions lost credentials.

    What was encrypted with another key can be read no more: it is let go of.
    """
    await execute(
        connection,
        "INSERT INTO installation (id, key_check) VALUES (?, ?) ON CONFLICT (id) DO UPDATE"
        " SET key_check = excluded.key_check",
        [THE_ONLY, cipher.encrypt(_KNOWN)],
    )
    return await execute(connection, "UPDATE remote_revision SET secrets = NULL WHERE secrets IS NOT NULL")
