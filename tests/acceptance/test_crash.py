"""The server is killed at many moments of sync, publish and distribute: nobody ever sees half of anything.

Each round changes the upstream, starts a sync, and kills the server some time later; the moments are spread over the
time that an undisturbed sync takes. Then the server is started again and has to finish the work. A client reads what
is distributed all the while.
"""

from __future__ import annotations

import contextlib
import random
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.support import client
from tests.support.length import rounds
from tests.support.mirror import MANIFEST, serve, sha256
from tests.support.server import HeadboxServer
from tests.support.upstream import Slow, Upstream, pulp_manifest
from tests.support.waiting import wait_until

pytestmark = pytest.mark.embedded

ROUNDS = rounds(12, long=30)
#: Numbers of the versions that nobody disturbs, after the first one.
UNDISTURBED = range(2, 5)
FILES = 60
#: Files that change in each round, besides one that goes, one that comes and the one that names the state.
CHANGES = 10
#: How long the upstream takes for a file, in seconds: long enough to be killed in the middle of.
DELAY_SECONDS = 0.01
SEED = 20_260
#: All that may lie in a data folder.
DATA_FILES = {
    "artifacts",
    "headbox.db",
    "headbox.db-shm",
    "headbox.db-wal",
    "headbox.lock",
    "headbox.migration.lock",
    "secret.key",
    "uploads",
    "work",
}

Files = dict[str, bytes]


def next_state(files: Files, number: int, rng: random.Random) -> Files:
    """Return other files: some changed, one gone, one new. No two states have the same bytes of a changed file."""
    changed = dict(files)
    changed["version"] = b"state %d" % number
    for path in rng.sample(sorted(set(files) - {"version"}), CHANGES):
        changed[path] = f"{path} of state {number}\n".encode() * rng.randint(1, 200)
    del changed[rng.choice(sorted(set(files) - {"version"}))]
    changed[f"new/{number}.txt"] = b"new in state %d" % number
    return changed


class Reader:
    """A client that reads over and over what tells the states apart.

    Attributes:
        whole: How many times it read a whole state.
        faults: What it saw that it never should.
    """

    def __init__(self, server: HeadboxServer) -> None:
        self.whole = 0
        self.faults: list[str] = []
        self._server = server
        self._states: dict[bytes, Files] = {}
        self._is_stopping = threading.Event()

    def expect(self, before: Files, after: Files) -> None:
        """Say what the distribution may serve from now on: all of the one, or all of the other."""
        changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
        self._states = {
            pulp_manifest(dict(sorted(files.items()))): {path: files[path] for path in changed & files.keys()}
            for files in (before, after)
        }

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Read for as long as the block lasts."""
        thread = threading.Thread(target=self._read_on, name="reader")
        thread.start()
        try:
            yield
        finally:
            self._is_stopping.set()
            thread.join()

    def read_once_more(self) -> None:
        """Return when another whole state was read."""
        seen = self.whole
        wait_until(lambda: self.whole > seen)

    def _read_on(self) -> None:
        while not self._is_stopping.wait(0.01):
            connection = HTTPConnection(urlsplit(self._server.url).netloc, timeout=10)
            # The server is down, or goes down meanwhile.
            with contextlib.suppress(OSError, HTTPException), contextlib.closing(connection):
                while not self._is_stopping.wait(0.01):
                    self._read(connection)

    def _read(self, connection: HTTPConnection) -> None:
        """Read the manifest, what it lists, and the manifest again: what is served may change in the middle."""
        states = self._states
        manifest = _get(connection, MANIFEST)
        if manifest not in states:
            if states is self._states:
                self.faults.append(f"a manifest of no state: {manifest!r}"[:500])
            return
        files = states[manifest]
        wrong = [path for path in files if _get(connection, path) != files[path]]
        if _get(connection, MANIFEST) == manifest:
            self.whole += 1
            if wrong:
                self.faults.append(f"{wrong} are not of the manifest's state")


def _get(connection: HTTPConnection, path: str) -> bytes | None:
    connection.request("GET", f"/content/mirror/{path}")
    response = connection.getresponse()
    body = response.read()
    return body if response.status == 200 else None


def stored(data_dir: Path) -> set[str]:
    """Return the digests of all files below the artifacts' folder."""
    return {file.parent.name + file.name for file in (data_dir / "artifacts").glob("*/*")}


def assert_nothing_left(data_dir: Path) -> None:
    """Make sure that every row and every file is accounted for."""
    with opened(data_dir) as database:
        unfinished = database.execute(
            "SELECT (SELECT COUNT(*) FROM task WHERE state NOT IN ('completed', 'failed', 'canceled')),"
            " (SELECT COUNT(*) FROM task_claim), (SELECT COUNT(*) FROM staged_content)"
        ).fetchone()
        artifacts = {digest for (digest,) in database.execute("SELECT sha256 FROM artifact")}
        integrity = database.execute("PRAGMA integrity_check").fetchall()
        dangling = database.execute("PRAGMA foreign_key_check").fetchall()
    assert unfinished == (0, 0, 0)
    assert (integrity, dangling) == ([("ok",)], [])
    assert stored(data_dir) == artifacts
    # Removed a moment after the task's end was written.
    wait_until(lambda: not any((data_dir / "work").glob("*/*")))
    assert {file.name for file in data_dir.iterdir()} <= DATA_FILES


def attempts(data_dir: Path) -> Counter[int]:
    """Return how many tasks took how many attempts."""
    with opened(data_dir) as database:
        return Counter(number for (number,) in database.execute("SELECT attempt FROM task"))


@contextlib.contextmanager
def opened(data_dir: Path) -> Iterator[sqlite3.Connection]:
    """Open the database beside the server, for reading."""
    with contextlib.closing(sqlite3.connect(f"file:{data_dir / 'headbox.db'}?mode=ro", uri=True)) as database:
        yield database


def slowly_serve(upstream: Upstream, files: Files) -> None:
    """Let an upstream have these files, each of which takes a moment."""
    serve(upstream, files)
    for path in files:
        upstream.heal(path)
        upstream.fault(path, Slow(DELAY_SECONDS))


def seconds_of_a_sync(server: HeadboxServer, repository: str) -> float:
    """Return how long a sync takes that nobody disturbs."""
    start = time.monotonic()
    client.completed(server, client.sync(server, repository)["id"])
    return time.monotonic() - start


def kill_after(server: HeadboxServer, seconds: float, repository: str, key: str) -> None:
    """Ask for a sync, and kill the server so many seconds after the request was sent."""
    killer = threading.Timer(seconds, server.kill)
    killer.start()
    with contextlib.suppress(httpx2.TransportError):
        client.sync(server, repository, idempotencyKey=key)
    killer.join()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_server_that_is_killed_again_and_again_shows_whole_states_and_finishes(
    server: HeadboxServer, upstream: Upstream
) -> None:
    rng = random.Random(SEED)
    files: Files = {f"{number}.txt": b"%d at first" % number for number in range(FILES)} | {"version": b"state 1"}
    serve(upstream, files)
    mirror = client.create_mirror(server, upstream.url_of(MANIFEST), "mirror", sync=True)
    repository = mirror["repository"]["id"]
    client.completed(server, mirror["task"]["id"])

    seconds: list[float] = []
    for number in UNDISTURBED:
        files = next_state(files, number, rng)
        slowly_serve(upstream, files)
        seconds.append(seconds_of_a_sync(server, repository))
    # The shortest: whatever else the machine does may have held up the others.
    whole_sync = min(seconds)

    reader = Reader(server)
    reader.expect(files, files)
    with reader.reading():
        for round_ in range(ROUNDS):
            number = round_ + UNDISTURBED.stop
            before, files = files, next_state(files, number, rng)
            reader.expect(before, files)
            slowly_serve(upstream, files)

            kill_after(server, whole_sync * (round_ + rng.random()) / ROUNDS, repository, f"round {number}")
            # Requests that had been sent are still counted.
            time.sleep(2 * DELAY_SECONDS)
            hits = Counter(path for _, path in upstream.requests)
            had = stored(server.data_dir)
            server.start()
            done = client.completed(server, client.sync(server, repository, idempotencyKey=f"round {number}")["id"])

            assert done["repositoryVersion"]["number"] == number, "the version was made once"
            again = [path for path, body in files.items() if sha256(body) in had and upstream.hits(path) > hits[path]]
            assert again == [], "stored files were fetched again"
            assert_nothing_left(server.data_dir)
            assert server.get("/content/mirror/version").content == files["version"]
            reader.read_once_more()

    assert reader.faults == []
    # The moments were spread: some kills came before the task was taken or after its end, the others in the middle.
    taken = attempts(server.data_dir)
    assert taken.keys() == {1, 2}
    assert taken[2] >= ROUNDS / 4
