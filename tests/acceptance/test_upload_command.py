"""`headbox upload` against a real server, which is killed in the middle."""

from __future__ import annotations

import base64
import json
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner

from headbox.cli.main import main
from headbox.cli.uploading import command
from headbox.client import FileChanged, LocalFile, SyncClient, UploadJournal, UploadRefused, uploads
from headbox.client.uploads import SMALL_BYTES
from tests.support.client import create_mirror
from tests.support.launcher import launcher
from tests.support.server import HeadboxServer
from tests.support.services.process import free_port
from tests.support.upstream import Upstream, pulp_manifest

#: Of an upload that takes many blocks.
LARGE_BYTES = 32 * 1024 * 1024


@pytest.fixture
def server(data_dir: Path) -> Iterator[HeadboxServer]:
    """A server that is at the same address again when it was killed."""
    with HeadboxServer(data_dir, "serve", "--port", str(free_port())) as server:
        yield server


@pytest.fixture
def environment(server: HeadboxServer, tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "HEADBOX_URL": server.url, "XDG_CACHE_HOME": str(tmp_path / "cache"), "COLUMNS": "200"}


@pytest.fixture
def repository(server: HeadboxServer, upstream: Upstream) -> str:
    """A served repository "builds"."""
    upstream.files["PULP_MANIFEST"] = pulp_manifest({})
    create_mirror(server, f"{upstream.url}/PULP_MANIFEST", "builds", syncMode="ADDITIVE")
    return "builds"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    (folder / "sub").mkdir(parents=True)
    for number in range(30):
        (folder / "sub" / f"{number}.txt").write_text(f"file {number // 2}")
    (folder / "empty").touch()
    return folder


def upload(environment: dict[str, str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return launcher().run(["upload", *map(str, arguments)], environment)


def sent_by_command(environment: dict[str, str], *arguments: str | Path) -> dict[str, Any]:
    result = upload(environment, *arguments, "--watch", "--output", "json")
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_a_folder_becomes_one_version_and_nothing_is_sent_twice(
    server: HeadboxServer,
    repository: str,
    folder: Path,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = sent_by_command(environment, folder, "--repository", repository, "--path-prefix", "v1")
    assert {name: first[name] for name in ("files", "known", "sent", "skipped")} == {
        "files": 31,
        "known": 0,
        "sent": 16,
        "skipped": [],
    }
    assert [task["state"] for task in first["tasks"]] == ["COMPLETED"]
    assert server.get("/content/builds/v1/sub/7.txt").text == "file 3"
    assert server.get("/content/builds/v1/empty").content == b""

    again = sent_by_command(environment, folder, "--repository", repository)
    assert (again["sent"], again["sentBytes"], again["known"]) == (0, 0, 16)

    (folder / "link").symlink_to("/etc/passwd")
    refused = upload(environment, folder, "--repository", repository)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "link: a link that leads out of the folder\nNothing was sent." in refused.stderr
    assert len(sent_by_command(environment, folder, "--repository", repository, "--skip")["skipped"]) == 1

    # Of a hundred thousand files, each request and each task has a part.
    for name, most in (("HASHED_TOGETHER", 7), ("MADE_TOGETHER", 4), ("ADDED_TOGETHER", 10)):
        monkeypatch.setattr(command, name, most)
    parts = CliRunner().invoke(
        main, ["upload", str(folder), "--repository", repository, "--skip", "-o", "json"], env=environment
    )
    assert len(json.loads(parts.stdout)["tasks"]) == 4

    for arguments, said in (
        ((folder / "empty", "--repository", "nothing"), "There is no repository 'nothing'."),
        ((folder / "sub" / "none", "--repository", repository), "does not exist"),
    ):
        assert said in upload(environment, *arguments).stderr


def test_an_upload_goes_on_after_the_program_and_the_server_were_killed(
    server: HeadboxServer, repository: str, tmp_path: Path, environment: dict[str, str]
) -> None:
    large = tmp_path / "large.bin"
    large.write_bytes(random.Random(5).randbytes(LARGE_BYTES))
    file, journal = LocalFile.read(large), UploadJournal(tmp_path / "journal")
    # What a program leaves that is killed after its first bytes.
    journal.note(server.url, file.sha256, begun(server, file, LARGE_BYTES // 8))
    sent: list[int] = []

    kills = iter([server.restart])

    def kill_server_half_way(_: LocalFile, count: int) -> None:
        sent.append(count)
        if sum(sent) >= LARGE_BYTES // 2 and (kill := next(kills, None)):
            kill()

    with SyncClient(server.url) as client:
        summary = client.upload([file], on_progress=kill_server_half_way, journal=journal)

    assert (summary.sent, summary.sent_bytes) == (1, LARGE_BYTES)
    assert sent[0] == LARGE_BYTES // 8
    assert sum(sent) == LARGE_BYTES
    requests = [json.loads(line) for line in server.log.read_text().splitlines() if '"/uploads/' in line]
    assert [line["method"] for line in requests if line.get("event") == "request"].count("POST") == 1
    assert journal.find(server.url, file.sha256) is None
    result = sent_by_command(environment, large, "--repository", repository)
    assert (result["known"], result["sent"]) == (1, 0)
    assert server.get("/content/builds/large.bin").content == large.read_bytes()


def begun(server: HeadboxServer, file: LocalFile, size: int) -> str:
    """Begin an upload with so many bytes, and return its id."""
    metadata = f"sha256 {base64.b64encode(file.sha256.encode()).decode()}"
    with httpx2.Client(base_url=server.url, headers={"Tus-Resumable": "1.0.0"}) as client:
        created = client.post("/uploads/", headers={"Upload-Length": str(file.size), "Upload-Metadata": metadata})
        headers = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        address = created.headers["Location"]
        assert client.patch(address, headers=headers, content=file.path.read_bytes()[:size]).status_code == 204
    return str(address.rpartition("/")[2])


def test_the_client_tells_what_the_server_does_not_take(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "PATIENCE_SECONDS", 0.1)
    file = tmp_path / "file"
    file.write_bytes(bytes(2 * SMALL_BYTES + 1))
    limits = {"HEADBOX_UPLOAD_MAX_BYTES": str(2 * SMALL_BYTES), "HEADBOX_UPLOAD_MAX_OPEN_OF_CLIENT": "1"}
    with HeadboxServer(data_dir, **limits) as server, SyncClient(server.url) as client:
        with pytest.raises(UploadRefused, match="file was refused") as refused:
            client.upload([LocalFile.read(file)])
        assert refused.value.status == 413

        local = LocalFile.read(file)
        file.write_bytes(b"y" * 10)
        with pytest.raises(FileChanged, match="was changed"):
            client.upload([local])
        file.unlink()
        with pytest.raises(FileChanged, match="No such file"):
            client.upload([local])

        headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "5"}
        assert httpx2.post(f"{server.url}/uploads/", headers=headers).status_code == 201
        file.write_bytes(bytes(2 * SMALL_BYTES))
        with pytest.raises(UploadRefused, match="does not get through: The number of your open uploads") as refused:
            client.upload([LocalFile.read(file)])
        assert refused.value.status == 429
