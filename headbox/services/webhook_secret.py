"""The secrets of webhooks, and the signatures that receivers check with them.

Source: the Standard Webhooks specification 1.0, "Signature scheme", https://www.standardwebhooks.com/.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from dataclasses import dataclass
from datetime import datetime

from cryptography.fernet import InvalidToken

from headbox.models import Webhook
from headbox.models.cipher import Cipher

#: What every secret begins with.
PREFIX = "whsec_"
#: Random bytes of a secret; the specification asks for 24 to 64.
SECRET_BYTES = 32


class SecretLost(Exception):
    """The secrets of a webhook were encrypted with another key than the installation has."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """What messages to a webhook are signed with.

    Attributes:
        current: The secret.
        previous: The one before it, or None.
    """

    current: str
    previous: str | None = None

    @classmethod
    def made(cls) -> Secrets:
        """Return a new secret, and none before it."""
        return cls(PREFIX + base64.b64encode(os.urandom(SECRET_BYTES)).decode())

    @classmethod
    def of(cls, webhook: Webhook, cipher: Cipher) -> Secrets:
        """Return the secrets of a webhook.

        Raises:
            SecretLost: Nobody can read them any more.
        """
        try:
            return cls(**cipher.decrypt(webhook.secrets))
        except InvalidToken as error:
            raise SecretLost("its secret cannot be read with the key of this installation: rotate it") from error

    def stored(self, cipher: Cipher) -> str:
        """Return the secrets as text to store."""
        given = {"current": self.current} | ({"previous": self.previous} if self.previous else {})
        text = cipher.encrypt(given)
        assert text is not None, "there is a secret"
        return text


def headers(webhook: Webhook, secrets: Secrets, message_id: str, time: datetime, body: bytes) -> dict[str, str]:
    """Return the headers by which the receiver of a message knows that it is from here, new, and whole.

    Args:
        webhook: Whose it is; it says how long the secret before the current one counts.
        secrets: Those of the webhook.
        message_id: The same at every try.
        time: Of this try.
        body: The message.
    """
    valid = [secrets.current]
    if secrets.previous and webhook.previous_secret_until and time < webhook.previous_secret_until:
        valid.append(secrets.previous)
    timestamp = str(int(time.timestamp()))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signature(secret, message_id, timestamp, body) for secret in valid),
    }


def signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """Return the signature of a message by one secret.

    Args:
        secret: With its prefix.
        message_id: The header `webhook-id`.
        timestamp: The header `webhook-timestamp`.
        body: The body as it is sent.
    """
    key = base64.b64decode(secret.removeprefix(PREFIX))
    digest = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode()}"
