"""A web server that webhooks send to, which behaves as well or as badly as a test wants.

with Receiver() as receiver:
    receiver.fault(HOOK, Status(500), times=2)
    ...                                     # let a webhook send to receiver.hook
    assert [message.document["type"] for message in receiver.messages] == 3 * ["ping"]
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from multidict import CIMultiDictProxy

from tests.support.upstream import Upstream

#: Path that answers 200 until it is told to misbehave.
HOOK = "hook"


@dataclass(frozen=True)
class Message:
    """A message as it came.

    Attributes:
        path: Where it was sent to.
        headers: Its headers.
        body: Its body.
    """

    path: str
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def id(self) -> str:
        """The same for all tries of one message."""
        return self.headers["webhook-id"]

    @property
    def document(self) -> dict[str, Any]:
        """What it says."""
        document: dict[str, Any] = json.loads(self.body)
        return document

    @property
    def type(self) -> str:
        """The event."""
        return str(self.document["type"])

    def is_signed_with(self, secret: str) -> bool:
        """Tell whether one of its signatures is by a secret; written from the specification, and not from headbox."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signed = f"{self.id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return f"v1,{expected}" in self.headers["webhook-signature"].split()


class Receiver(Upstream):
    """Takes messages on a free port of 127.0.0.1.

    Attributes:
        messages: Every message that came, also those that were not answered well.
    """

    def __init__(self) -> None:
        super().__init__({HOOK: b"thanks"})
        self.messages: list[Message] = []

    @property
    def hook(self) -> str:
        """The address of `HOOK`."""
        return self.url_of(HOOK)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.messages.append(Message(request.path.removeprefix("/"), request.headers, await request.read()))
        return await super()._handle(request)
