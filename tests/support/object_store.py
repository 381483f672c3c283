"""An S3 server for tests: moto's, in a process of its own on a free port."""

from __future__ import annotations

import shutil
import sys
import tempfile
import urllib.request
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self
from xml.etree import ElementTree as ET

from headbox.settings import StorageSettings
from tests.support.services.process import GuardedProcess, free_port
from tests.support.waiting import is_listening, wait_until

#: The server looks at whether a request is signed, and not at the signature.
_HEADERS = {
    "authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request",
    "content-type": "application/octet-stream",
}


class ObjectStore:
    """A server on a free port of 127.0.0.1, which keeps everything in memory.

    Attributes:
        port: Where it listens.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="headbox-s3-"))

    def __enter__(self) -> Self:
        self._process = GuardedProcess(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
            folders=[self._folder],
            log=self._folder / "log",
        )
        try:
            wait_until(lambda: is_listening(self.port))
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        self._process.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def settings(self, **others: object) -> StorageSettings:
        """Make a bucket, and return the settings that name it, save for those that are given."""
        bucket = f"bucket-{uuid.uuid4().hex}"
        self.request("PUT", f"/{bucket}")
        return StorageSettings.model_validate(
            {
                "url": f"s3://{bucket}/some/where",
                "endpoint": self.endpoint,
                "access_key_id": "test",
                "secret_access_key": "secret",
                "allow_http": True,
                **others,
            }
        )

    def uploads(self, bucket: str) -> int:
        """Return how many uploads in parts were begun and neither completed nor given up."""
        tree = ET.fromstring(self.request("GET", f"/{bucket}?uploads"))
        return sum(1 for element in tree.iter() if element.tag.rpartition("}")[2] == "Upload")

    def keys(self, bucket: str) -> list[str]:
        """Return the keys of all objects that can be seen."""
        tree = ET.fromstring(self.request("GET", f"/{bucket}?list-type=2"))
        return [element.text or "" for element in tree.iter() if element.tag.rpartition("}")[2] == "Key"]

    def put(self, url: str, key: str, body: bytes) -> None:
        """Put an object past headbox's own client.

        Args:
            url: s3://bucket/prefix.
            key: Below the prefix.
            body: Its bytes.
        """
        self.request("PUT", f"/{url.removeprefix('s3://')}/{key}", body)

    def request(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """Send a request past headbox's own client."""
        request = urllib.request.Request(self.endpoint + path, body, _HEADERS, method=method)
        with urllib.request.urlopen(request) as answer:
            content: bytes = answer.read()
            return content
