"""API, content and workers as processes of their own: how they start, share the work, and end."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import psutil
import pytest
from cryptography.fernet import Fernet

from tests.support import client
from tests.support.cluster import Cluster
from tests.support.launcher import launcher
from tests.support.mirror import MANIFEST, serve
from tests.support.server import HeadboxProcess, HeadboxServer
from tests.support.services import PostgresServer
from tests.support.upstream import Slow, Upstream
from tests.support.waiting import wait_until

pytestmark = pytest.mark.distributed

#: How long a process may take to end, in seconds.
LIMIT_SECONDS = 10.0


@pytest.fixture
def cluster(data_dir: Path) -> Iterator[Cluster]:
    with Cluster(data_dir, {}) as cluster:
        yield cluster


@pytest.fixture
def api(cluster: Cluster) -> HeadboxServer:
    return cluster.apis[0].process


def listening(process: HeadboxProcess) -> list[str]:
    """Return every address that a process and its children have ever listened at."""
    lines = (json.loads(line) for line in process.log.read_text().splitlines() if line.startswith("{"))
    return [line["url"] for line in lines if line["event"] == "listening"]


def refused(*arguments: str, **environment: str) -> str:
    """Return why a command does not start."""
    done = launcher().run(arguments, {**os.environ, **environment})
    assert done.returncode == 2, done.stderr
    return done.stderr


def test_processes_share_the_work(cluster: Cluster, api: HeadboxServer, upstream: Upstream) -> None:
    serve(upstream, {"a.txt": b"paper"})

    mirror = client.create_mirror(api, upstream.url_of(MANIFEST), "mirror", sync=True)
    client.completed(api, mirror["task"]["id"])

    content = cluster.contents[0].process.url
    assert httpx2.get(f"{content}/content/mirror/a.txt").content == b"paper"
    assert httpx2.get(f"{api.url}/content/mirror/a.txt").status_code == 404
    [status] = api.query("{ status { broker { name ok } bus { name ok } workersOnline } }").values()
    assert status == {
        "broker": {"name": "dramatiq over redis", "ok": True},
        "bus": {"name": "events over redis", "ok": True},
        "workersOnline": 2,
    }


@pytest.mark.parametrize("kind", ["worker", "api", "content"])
def test_process_waits_for_a_database_that_is_away(data_dir: Path, postgres_server: PostgresServer, kind: str) -> None:
    port = "--health-port" if kind == "worker" else "--port"
    process = HeadboxProcess(data_dir, kind, port, "0", HEADBOX_DATABASE_WAIT_SECONDS="0.2")
    postgres_server.stop()
    try:
        with ThreadPoolExecutor(1) as other:
            starting = other.submit(process.start)
            wait_until(lambda: process.log.exists() and "the database is away" in process.log.read_text())
            postgres_server.start()
            starting.result()
        assert httpx2.get(f"{process.url}/readyz").json()["problems"] == []
    finally:
        process.close()


def test_every_process_tells_how_it_is_doing(cluster: Cluster) -> None:
    for node in cluster.nodes:
        url = node.process.url
        assert httpx2.get(f"{url}/livez").status_code == 200
        assert httpx2.get(f"{url}/readyz").json() == {"ready": True, "problems": [], "degraded": []}
        assert "process_cpu_seconds_total" in httpx2.get(f"{url}/metrics").text
    for node in cluster.workers:
        assert "headbox_worker_running_tasks 0.0" in httpx2.get(f"{node.process.url}/metrics").text


def test_worker_that_is_asked_to_end_gives_back_what_it_runs(
    cluster: Cluster, api: HeadboxServer, upstream: Upstream
) -> None:
    serve(upstream, {"slow.txt": b"slow"})
    upstream.fault("slow.txt", Slow(60), times=1)
    mirror = client.create_mirror(api, upstream.url_of(MANIFEST), "mirror", sync=True)
    wait_until(lambda: upstream.hits("slow.txt"))
    busy = running_at(cluster, api, mirror["task"]["id"])

    start = time.monotonic()
    assert busy.terminate() == 0
    assert time.monotonic() - start < LIMIT_SECONDS

    client.completed(api, mirror["task"]["id"])
    assert time.monotonic() - start < LIMIT_SECONDS
    assert upstream.hits("slow.txt") == 2
    assert not any((api.data_dir / "work").glob("*/*"))


def test_task_of_a_killed_worker_runs_elsewhere_within_fifteen_seconds(
    cluster: Cluster, api: HeadboxServer, upstream: Upstream
) -> None:
    serve(upstream, {"slow.txt": b"slow"})
    upstream.fault("slow.txt", Slow(60), times=1)
    mirror = client.create_mirror(api, upstream.url_of(MANIFEST), "mirror", sync=True)
    wait_until(lambda: upstream.hits("slow.txt"))

    start = time.monotonic()
    running_at(cluster, api, mirror["task"]["id"]).kill()

    wait_until(lambda: upstream.hits("slow.txt") == 2)
    assert 5 < time.monotonic() - start < 15
    client.completed(api, mirror["task"]["id"])


def test_suspended_worker_that_comes_back_makes_nothing_visible(
    cluster: Cluster, api: HeadboxServer, upstream: Upstream
) -> None:
    serve(upstream, {"slow.txt": b"slow"})
    upstream.fault("slow.txt", Slow(2), times=1)
    mirror = client.create_mirror(api, upstream.url_of(MANIFEST), "mirror", sync=True)
    wait_until(lambda: upstream.hits("slow.txt"))
    zombie = running_at(cluster, api, mirror["task"]["id"])

    zombie.suspend()
    client.completed(api, mirror["task"]["id"])
    zombie.resume()
    wait_until(lambda: httpx2.get(f"{zombie.url}/readyz").json()["ready"])
    wait_until(lambda: "headbox_worker_running_tasks 0.0" in httpx2.get(f"{zombie.url}/metrics").text)

    document = '{ repository(name: "mirror") { versions(first: 9) { edges { node { number } } } } }'
    versions = api.query(document)["repository"]["versions"]["edges"]
    assert {edge["node"]["number"] for edge in versions} == {0, 1}
    again = client.sync(api, mirror["repository"]["id"])
    client.completed(api, again["id"])


def running_at(cluster: Cluster, api: HeadboxServer, task: str) -> HeadboxProcess:
    """Return the worker that runs a task."""
    document = "query ($id: ID!) { task(id: $id) { worker { name } } }"
    name = api.query(document, {"id": task})["task"]["worker"]["name"]
    (found,) = (node.process for node in cluster.workers if name.endswith(f":{node.process.pid}"))
    return found


@pytest.mark.parametrize("kind", ["apis", "contents", "workers"])
def test_idle_process_ends_at_once(cluster: Cluster, kind: str) -> None:
    process: HeadboxProcess = getattr(cluster, kind)[0].process
    start = time.monotonic()

    assert process.terminate() == 0
    assert time.monotonic() - start < LIMIT_SECONDS / 2


def test_worker_runs_in_several_processes_and_replaces_one_that_ends(data_dir: Path) -> None:
    arguments = ("worker", "--processes", "2", "--health-port", "0")
    with HeadboxProcess(data_dir, *arguments) as worker:
        wait_until(lambda: len(listening(worker)) == 2)
        children = psutil.Process(worker.pid).children()
        assert len(children) == 2

        children[0].kill()
        wait_until(lambda: len(listening(worker)) == 3)
        assert httpx2.get(f"{listening(worker)[2]}readyz").json()["ready"]

        assert worker.terminate() == 0
    assert not any(child.is_running() for child in children)
    assert not any((data_dir / "work").iterdir())


def test_processes_of_a_killed_supervisor_end(data_dir: Path) -> None:
    with HeadboxProcess(data_dir, "worker", "--processes", "2", "--health-port", "0") as worker:
        wait_until(lambda: len(listening(worker)) == 2)
        children = psutil.Process(worker.pid).children()

        worker.kill()

        wait_until(lambda: not any(child.is_running() for child in children))


def test_worker_takes_only_from_the_queues_it_is_for(data_dir: Path, upstream: Upstream) -> None:
    serve(upstream, {"a.txt": b"paper"})
    with (
        HeadboxServer(data_dir, "api", "--port", "0", name="api") as api,
        HeadboxProcess(data_dir, "worker", "--queues", "high", "--health-port", "0", name="high"),
    ):
        mirror = client.create_mirror(api, upstream.url_of(MANIFEST), "mirror", sync=False)
        normal = client.sync(api, mirror["repository"]["id"])
        time.sleep(2)
        state = api.query("query ($id: ID!) { task(id: $id) { state } }", {"id": normal["id"]})
        assert state["task"]["state"] == "WAITING"
        with HeadboxProcess(data_dir, "worker", "--queues", "normal", "--health-port", "0", name="normal"):
            client.completed(api, normal["id"])


def test_process_with_another_key_is_refused(cluster: Cluster, data_dir: Path) -> None:
    key = Fernet.generate_key().decode()

    why = refused("api", "--port", "0", "--data-dir", str(data_dir), HEADBOX_SECRET_KEY=key)

    assert "this is not the key that the database was made with" in why
    assert key not in why


def test_key_may_come_from_the_environment_and_be_renewed(data_dir: Path) -> None:
    folder = str(data_dir)
    first, second = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    with HeadboxServer(data_dir, "api", "--port", "0", HEADBOX_SECRET_KEY=first):
        assert not (data_dir / "secret.key").exists()
    assert "headbox migrate --new-key" in refused("api", "--data-dir", folder, HEADBOX_SECRET_KEY=second)

    environment = {**os.environ, "HEADBOX_SECRET_KEY": second}
    launcher().run(["migrate", "--new-key", "--data-dir", folder], environment).check_returncode()

    with HeadboxServer(data_dir, "api", "--port", "0", HEADBOX_SECRET_KEY=second):
        pass


@pytest.mark.parametrize("command", ["api", "content", "worker"])
def test_process_without_the_others_is_refused(data_dir: Path, command: str) -> None:
    why = refused(command, "--data-dir", str(data_dir), HEADBOX_REDIS_URL="")

    assert "Set HEADBOX_REDIS_URL" in why
    assert "headbox serve" in why


def test_database_that_is_not_migrated_is_refused(data_dir: Path, tmp_path: Path) -> None:
    url = os.environ["HEADBOX_DATABASE_URL"].rpartition("/")[0] + "/postgres"

    assert "Run headbox migrate" in refused("api", "--data-dir", str(data_dir), HEADBOX_DATABASE_URL=url)


def test_migration_that_the_database_refuses_says_why(data_dir: Path) -> None:
    url = os.environ["HEADBOX_DATABASE_URL"].rpartition("/")[0] + "/postgres?default_transaction_read_only=on"

    done = launcher().run(["migrate", "--data-dir", str(data_dir)], {**os.environ, "HEADBOX_DATABASE_URL": url})

    assert done.returncode == 1
    assert "cannot be migrated: cannot execute CREATE TABLE in a read-only transaction" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [("api", "--host", "0.0.0.0"), ("content", "--host", "0.0.0.0"), ("worker", "--health-host", "0.0.0.0")],
)
def test_no_process_listens_elsewhere(data_dir: Path, arguments: tuple[str, ...]) -> None:
    assert "does not listen on 0.0.0.0" in refused(*arguments, "--data-dir", str(data_dir))


def test_interrupt_of_a_terminal_ends_all_processes_in_order(data_dir: Path) -> None:
    with HeadboxProcess(data_dir, "worker", "--processes", "2", "--health-port", "0") as worker:
        wait_until(lambda: len(listening(worker)) == 2)
        children = psutil.Process(worker.pid).children()

        for process in (worker.pid, *(child.pid for child in children)):
            os.kill(process, signal.SIGINT)

        wait_until(lambda: not any(child.is_running() for child in children))
    assert "Traceback" not in worker.log.read_text()


@pytest.mark.parametrize("kind", ["apis", "contents", "workers"])
@pytest.mark.parametrize("fault", ["cut", "silence"])
def test_process_ends_in_time_when_it_reaches_nothing(
    cluster: Cluster, api: HeadboxServer, upstream: Upstream, kind: str, fault: str
) -> None:
    serve(upstream, {"slow.txt": b"slow"})
    upstream.fault("slow.txt", Slow(60))
    for base_path in ("one", "two"):
        client.create_mirror(api, upstream.url_of(MANIFEST), base_path, sync=True)
    wait_until(lambda: upstream.hits("slow.txt") == 2)
    node = getattr(cluster, kind)[0]

    for link in (node.database, node.redis):
        getattr(link, fault)()
    time.sleep(1)

    start = time.monotonic()
    assert node.process.terminate() == 0
    assert time.monotonic() - start < LIMIT_SECONDS
