"""A real client uploads to a real server, and either of them is killed in the middle."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import tus_client
from tests.support.client import unrefused
from tests.support.mirror import sha256
from tests.support.server import HeadboxServer
from tests.support.services.process import free_port
from tests.support.waiting import wait_until

#: Of an upload that takes some seconds: many small requests.
SIZE_BYTES, CHUNK_BYTES = 16 * 1024 * 1024, 128 * 1024
KILLS = 5
CLIENT_SECONDS = 120
CREATE = """
    mutation Create($input: CreateFileContentInput!) {
      createFileContent(input: $input) { content { id size sha256 } errors { code message } }
    }
"""


@pytest.fixture
def server(data_dir: Path) -> Iterator[HeadboxServer]:
    """A server that is at the same address again when it was killed."""
    with HeadboxServer(data_dir, "serve", "--port", str(free_port())) as server:
        yield server


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "build.bin"
    path.write_bytes(random.Random(4).randbytes(SIZE_BYTES))
    return path


def written(server: HeadboxServer) -> int:
    """Return how many bytes the files of uploads have."""
    return sum(path.stat().st_size for path in (server.data_dir / "uploads").iterdir())


def made(server: HeadboxServer, **values: Any) -> dict[str, Any]:
    """Make content, and return it."""
    content: dict[str, Any] = unrefused(server.query(CREATE, {"input": values})["createFileContent"])["content"]
    return content


def ended(client: Any) -> None:
    """Wait for the end of a client that is to get everything to the server."""
    output, _ = client.communicate(timeout=CLIENT_SECONDS)
    assert client.returncode == 0
    assert "/uploads/" in output


def assert_stored(server: HeadboxServer, body: bytes) -> None:
    digest = sha256(body)
    assert server.query(f'{{ haveArtifacts(sha256: ["{digest}"]) }}')["haveArtifacts"] == [digest]
    content = made(server, relativePath="builds/build.bin", sha256=digest)
    assert (content["size"], content["sha256"]) == (len(body), digest)
    stored = server.data_dir / "artifacts" / digest[:2] / digest[2:]
    assert stored.read_bytes() == body
    assert written(server) == 0


@pytest.mark.slow
def test_client_that_is_killed_in_the_middle_goes_on(server: HeadboxServer, file: Path) -> None:
    for part in range(1, KILLS + 1):
        client = tus_client.start(f"{server.url}/uploads/", file, chunk_bytes=CHUNK_BYTES)
        wait_until(lambda least=part * SIZE_BYTES // (KILLS + 2): written(server) > least)  # type: ignore[misc]
        client.kill()
        client.communicate()

    ended(tus_client.start(f"{server.url}/uploads/", file, chunk_bytes=CHUNK_BYTES))

    assert_stored(server, file.read_bytes())


@pytest.mark.slow
@pytest.mark.parametrize("chunk_bytes", [CHUNK_BYTES, SIZE_BYTES], ids=["chunks", "whole"])
def test_server_that_is_killed_in_the_middle_goes_on(server: HeadboxServer, file: Path, chunk_bytes: int) -> None:
    moments = random.Random(5)
    client = tus_client.start(f"{server.url}/uploads/", file, chunk_bytes=chunk_bytes)
    for _ in range(KILLS):
        before = written(server)
        wait_until(lambda before=before: client.poll() is not None or written(server) > before)  # type: ignore[misc]
        time.sleep(moments.uniform(0, 0.1))
        server.restart()

    ended(client)

    assert_stored(server, file.read_bytes())


def test_upload_over_the_address_that_the_api_gave(server: HeadboxServer) -> None:
    body = b"a build"
    document = (
        "mutation C($input: CreateUploadInput!) { createUpload(input: $input) { upload { id url } errors { code } } }"
    )
    upload = unrefused(server.query(document, {"input": {"size": len(body), "sha256": sha256(body)}})["createUpload"])
    address = upload["upload"]["url"]

    assert address.startswith(f"{server.url}/uploads/")
    headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    assert server._client.patch(address, content=body, headers=headers).status_code == 204
    assert made(server, relativePath="build", upload=upload["upload"]["id"])["sha256"] == sha256(body)
