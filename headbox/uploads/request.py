"""One request, as the protocol reads it."""

from __future__ import annotations

from uuid import UUID

from starlette.types import Scope

from headbox.uploads.headers import CONTENT_TYPE, VERSION, Checksum, read_checksum, read_number
from headbox.uploads.refusal import Refused, no_upload

#: Longest address of a client that is kept, in characters.
_MAX_CLIENT = 64


class TusRequest:
    """A request.

    Attributes:
        method: Its method, or the one that it says it stands for.
        client: Address of the client.
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        # None of the headers that are looked at is sent twice by those who mean well: the last one counts.
        self._headers: dict[bytes, bytes] = dict(scope["headers"])
        self.method: str = (self.header("X-HTTP-Method-Override") or scope["method"]).upper()
        self.client: str = (scope.get("client") or ("",))[0][:_MAX_CLIENT]

    def header(self, name: str) -> str | None:
        """Return a header; None when it was not sent."""
        value = self._headers.get(name.lower().encode())
        return None if value is None else value.decode("latin-1").strip()

    @property
    def folder(self) -> str:
        """Path of the address that uploads are created at, without a slash at its end."""
        return f"{self._scope.get('root_path', '')}/uploads"

    @property
    def is_for_one(self) -> bool:
        """Whether it is for one upload, and not for creating them."""
        return "upload" in self._scope["path_params"]

    def upload_id(self) -> UUID:
        """Return the id of the upload that it is for.

        Raises:
            Refused: It is none.
        """
        text: str = self._scope["path_params"]["upload"]
        try:
            upload_id = UUID(text)
        except ValueError:
            raise no_upload() from None
        # One address for each upload: the other ways to write an id are not known.
        if str(upload_id) != text:
            raise no_upload()
        return upload_id

    def check_version(self) -> None:
        """Make sure that the client speaks the protocol.

        No page of another site can send this header without asking first, and none is told that it may.

        Raises:
            Refused: It does not, or in another version.
        """
        if self.header("Tus-Resumable") != VERSION:
            raise Refused(412, f"The header Tus-Resumable: {VERSION} is needed.", Tus_Version=VERSION)

    def number(self, name: str) -> int:
        """Return a header that holds a size or an offset, in bytes.

        Raises:
            Refused: It was not sent, or is no such number.
        """
        text = self.header(name)
        if text is None:
            raise Refused(400, f"{name} is needed.")
        return read_number(name, text)

    def checksum(self) -> Checksum | None:
        """Return what the body must hash to, or None.

        Raises:
            Refused: The header cannot be read.
        """
        text = self.header("Upload-Checksum")
        return None if text is None else read_checksum(text)

    @property
    def body_bytes(self) -> int | None:
        """How long the body is, as the client says; None when it does not say."""
        text = self.header("Content-Length")
        if text is None:
            return None if self.header("Transfer-Encoding") else 0
        return read_number("Content-Length", text)

    def check_body(self, most_bytes: int) -> None:
        """Make sure that the body can be part of an upload, as far as can be told before it comes.

        Args:
            most_bytes: How many the upload lacks.

        Raises:
            Refused: It cannot.
        """
        if (self.header("Content-Type") or "").partition(";")[0].strip().lower() != CONTENT_TYPE:
            raise Refused(415, f"The bytes of an upload are sent with Content-Type: {CONTENT_TYPE}.")
        if self.body_bytes is not None and self.body_bytes > most_bytes:
            raise too_many_bytes(most_bytes)


def too_many_bytes(most_bytes: int) -> Refused:
    """Return the answer for bytes behind the end of an upload."""
    return Refused(413, f"The upload takes {most_bytes} more bytes, as its size was declared.")
