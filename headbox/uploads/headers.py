"""What the headers of the protocol say.

Source: tus resumable upload protocol 1.0.0, https://tus.io/protocols/resumable-upload.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from headbox.types import check_sha256
from headbox.uploads.refusal import Refused

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,expiration,checksum,termination"
#: How bytes are hashed, by the names of the protocol. It demands sha1.
ALGORITHMS: Mapping[str, Callable[[], Any]] = {
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
}
#: The only type of bodies.
CONTENT_TYPE = "application/offset+octet-stream"
#: Longest Upload-Metadata, in characters.
MAX_METADATA = 4096
#: What values of other keys than these two mean, nobody here knows: they are given back as they came.
FILENAME, SHA256 = "filename", "sha256"

_is_number = re.compile(r"[0-9]{1,16}").fullmatch
_is_key = re.compile(r"[!-+\--~]+").fullmatch


@dataclass(frozen=True, slots=True)
class Checksum:
    """What the bytes of one request must hash to."""

    algorithm: str
    digest: bytes

    def is_of(self, data: bytes) -> bool:
        """Tell whether these are the bytes."""
        hashed = ALGORITHMS[self.algorithm]()
        hashed.update(data)
        return bool(hashed.digest() == self.digest)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a client says of an upload.

    Attributes:
        text: The header, as it came.
        filename: What the client calls it.
        sha256: Digest that all of its bytes have, 64 lower-case hexadecimal digits.
    """

    text: str | None = None
    filename: str | None = None
    sha256: str | None = None


def read_number(name: str, text: str) -> int:
    """Return the value of a header that holds a size or an offset, in bytes.

    Raises:
        Refused: It is no whole number, or a negative or an absurd one.
    """
    if not _is_number(text):
        raise Refused(400, f"{name} is a whole number of bytes.")
    return int(text)


def read_checksum(text: str) -> Checksum:
    """Return the value of Upload-Checksum.

    Raises:
        Refused: It is none, or of an algorithm that is not known here.
    """
    algorithm, _, encoded = text.partition(" ")
    if algorithm not in ALGORITHMS:
        raise Refused(400, f"Upload-Checksum is of one of these: {', '.join(ALGORITHMS)}.")
    digest = _decoded(encoded)
    if digest is None or len(digest) != ALGORITHMS[algorithm]().digest_size:
        raise Refused(400, f"Upload-Checksum does not hold the Base64 of a {algorithm}.")
    return Checksum(algorithm, digest)


def read_metadata(text: str | None) -> Metadata:
    """Return the value of Upload-Metadata.

    Raises:
        Refused: It is not made as it should be, too long, or holds a digest that is none.
    """
    # Some clients send an empty header for none.
    if not text:
        return Metadata()
    if len(text) > MAX_METADATA:
        raise Refused(400, f"Upload-Metadata has at most {MAX_METADATA} characters.")
    values: dict[str, bytes] = {}
    for pair in text.split(","):
        key, _, encoded = pair.strip(" ").partition(" ")
        value = _decoded(encoded)
        if not _is_key(key) or value is None or key in values:
            raise Refused(400, "Upload-Metadata is made of different keys, each with a value in Base64.")
        values[key] = value
    try:
        filename = values[FILENAME].decode() if values.get(FILENAME) else None
        sha256 = check_sha256(values[SHA256].decode()) if SHA256 in values else None
    except UnicodeDecodeError:
        raise Refused(400, f"{FILENAME} and {SHA256} in Upload-Metadata are UTF-8.") from None
    except ValueError as error:
        raise Refused(400, f"{SHA256} in Upload-Metadata: {error}.") from None
    return Metadata(text, filename, sha256)


def http_date(time: datetime) -> str:
    """Return a time as HTTP has it.

    Source: RFC 9110, section 5.6.7.
    """
    return format_datetime(time.astimezone(UTC), usegmt=True)


def _decoded(encoded: str) -> bytes | None:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
