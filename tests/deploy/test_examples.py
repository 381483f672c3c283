"""What the examples for operators say, as far as it can be seen without running them."""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import kubernetes_validate
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from headbox.settings import Settings
from tests.deploy.checks import SCRIPTS, parse_headbox, succeeds, unknown
from tests.deploy.monitoring import EXAMPLES, PANELS, RULES, asked
from tests.deploy.test_docker_files import COMPOSE_TEXT, DOCKER
from tests.support.nginx import nginx
from tests.support.services.process import free_port
from tests.support.upstream import Upstream

# The same on either way: once is enough.
pytestmark = pytest.mark.embedded

UNITS = sorted([*(EXAMPLES / "systemd").glob("*.service"), *(EXAMPLES / "systemd").glob("*.timer")])
#: What systemdlint asks for and our services do without.
NEEDLESS = ("Security.Delegate",)

MANIFESTS_TEXT = (EXAMPLES / "kubernetes" / "headbox.yaml").read_text()
MANIFESTS: list[dict[str, Any]] = list(yaml.safe_load_all(MANIFESTS_TEXT))
PODS = {
    manifest["metadata"]["name"]: manifest["spec"]["template"]["spec"]
    for manifest in MANIFESTS
    if manifest["kind"] in {"Job", "Deployment"}
}
CONTAINERS: list[dict[str, Any]] = [
    container for pod in PODS.values() for container in [*pod.get("initContainers", []), *pod["containers"]]
]
HEADBOX_CONTAINERS = [container for container in CONTAINERS if "/headbox:" in container["image"]]
SETTINGS_OF_PODS = next(manifest for manifest in MANIFESTS if manifest["kind"] == "ConfigMap")["data"]


def variables(text: str) -> dict[str, str]:
    """Return the lines `NAME=value` of a text."""
    return dict(re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE))


def check_settings(given: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return the settings that headbox reads of variables, all of which it knows."""
    assert unknown(given) == set()
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return Settings()


def test_shell_scripts_have_no_faults() -> None:
    succeeds(SCRIPTS / "shellcheck", *EXAMPLES.glob("*.sh"))


class TestSystemd:
    @pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
    def test_unit_has_options_that_exist(self, unit: Any) -> None:
        found = subprocess.run(
            [sys.executable, "-m", "systemdlint", "--norootfs", unit], capture_output=True, text=True, check=False
        )

        assert [line for line in found.stderr.splitlines() if not any(name in line for name in NEEDLESS)] == []

    @pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
    def test_commands_are_those_of_headbox(self, unit: Any) -> None:
        for line in re.findall(r"^Exec\w+=(.*)$", unit.read_text(), re.MULTILINE):
            program, *words = line.split()
            if program == "/opt/headbox/bin/headbox":
                parse_headbox(words)
            else:
                assert (EXAMPLES / program.rpartition("/")[2]).exists()

    def test_settings_exist_and_fit_together(self, monkeypatch: pytest.MonkeyPatch) -> None:
        given = variables((EXAMPLES / "systemd" / "headbox.env").read_text())

        settings = check_settings(given, monkeypatch)

        for unit in EXAMPLES.glob("systemd/headbox-*.service"):
            patience = re.search(r"^TimeoutStopSec=(\d+)$", unit.read_text(), re.MULTILINE)
            assert patience is None or int(patience[1]) > settings.server.shutdown_seconds

    def test_processes_that_last_are_kept_in(self) -> None:
        lasting = [unit for unit in UNITS if "Restart=always" in unit.read_text()]

        assert [unit.name for unit in lasting] == [
            "headbox-api.service",
            "headbox-content.service",
            "headbox-worker.service",
        ]
        for unit in lasting:
            parsed = configparser.ConfigParser(strict=False, interpolation=None)
            parsed.optionxform = str  # type: ignore[assignment,method-assign]  # as configparser's documentation has it
            parsed.read(unit)
            assert parsed["Service"]["User"] == "headbox"
            assert parsed["Service"]["ProtectSystem"] == "strict"
            assert parsed["Service"]["NoNewPrivileges"] == "yes"


class TestKubernetes:
    @pytest.mark.parametrize("version", ["1.34", "1.37"])
    @pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda manifest: manifest["metadata"]["name"])
    def test_manifest_has_the_fields_of_its_kind(self, manifest: dict[str, Any], version: str) -> None:
        kubernetes_validate.validate(manifest, version, strict=True)

    @pytest.mark.parametrize("container", CONTAINERS, ids=lambda container: container["name"])
    def test_container_may_do_little(self, container: dict[str, Any]) -> None:
        security = container["securityContext"]

        assert security["allowPrivilegeEscalation"] is False
        assert security["readOnlyRootFilesystem"] is True
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert re.search(r":\d", container["image"])
        assert "memory" in container["resources"]["limits"]

    @pytest.mark.parametrize("name", PODS)
    def test_pod_is_not_root_and_has_time_to_end(self, name: str) -> None:
        pod = PODS[name]

        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        if pod.get("restartPolicy") != "Never":
            assert pod["terminationGracePeriodSeconds"] > 10 + float(
                SETTINGS_OF_PODS["HEADBOX_SERVER_SHUTDOWN_SECONDS"]
            )

    @pytest.mark.parametrize("container", HEADBOX_CONTAINERS, ids=lambda container: container["name"])
    def test_command_is_one_of_headbox_and_is_asked_at_its_own_port(self, container: dict[str, Any]) -> None:
        options = parse_headbox(container["args"])

        port = options.get("port") or options.get("health_port")
        for probe in ("startupProbe", "livenessProbe"):
            assert (probe in container) == (port is not None)
            if probe in container:
                assert container[probe]["exec"]["command"][-1] == f"127.0.0.1:{port}"

    def test_settings_exist_and_fit_together(self, monkeypatch: pytest.MonkeyPatch) -> None:
        secret = re.findall(r"--from-literal=(\w+)=", MANIFESTS_TEXT)
        values = {"HEADBOX_DATABASE_URL": "postgres://host/headbox", "HEADBOX_REDIS_URL": "redis://host"}

        check_settings({**dict.fromkeys(secret, "value"), **values, **SETTINGS_OF_PODS}, monkeypatch)

    def test_nginx_of_the_pods_knows_what_it_is_asked(self) -> None:
        config = (DOCKER / "nginx.conf").read_text()
        probes = [container["readinessProbe"] for container in CONTAINERS if "readinessProbe" in container]

        assert len(probes) == 2
        assert [probe for probe in probes if f"location = {probe['httpGet']['path']} {{" not in config] == []


class TestMonitoring:
    def test_targets_are_those_of_the_compose_file(self) -> None:
        config = yaml.safe_load((EXAMPLES / "prometheus" / "prometheus.yml").read_text())
        nginx = (DOCKER / "nginx.conf").read_text()

        assert [
            job["metrics_path"]
            for job in config["scrape_configs"]
            if f"location = {job['metrics_path']} {{" not in nginx
        ] == []
        (target,) = {job["static_configs"][0]["targets"][0] for job in config["scrape_configs"]}
        assert f"HEADBOX_MONITORING_LISTEN:-{target}}}" in COMPOSE_TEXT
        assert [(EXAMPLES / "prometheus" / name).exists() for name in config["rule_files"]] == [True]

    def test_alerts_say_who_is_to_look_and_at_what(self) -> None:
        names = [rule["alert"] for rule in RULES]

        assert len(set(names)) == len(names)
        for rule in RULES:
            assert rule["labels"]["severity"] in {"page", "ticket"}
            assert rule["annotations"]["summary"].endswith(".")

    def test_panels_have_a_place_of_their_own(self) -> None:
        places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in PANELS}

        assert len(places) == len(PANELS) == len({panel["id"] for panel in PANELS})

    def test_expressions_are_closed(self) -> None:
        for query in asked():
            assert query.series, query.expression
            assert all(query.expression.count(a) == query.expression.count(b) for a, b in ("()", "[]", "{}"))


class TestPublicNginx:
    """nginx that asks for a password, in front of a server that has none."""

    @pytest.fixture
    def url(self, tmp_path: Path, upstream: Upstream) -> Iterator[str]:
        """The address of nginx, in front of something that answers everything."""
        certificate, key = self_signed(tmp_path)
        passwords = tmp_path / "htpasswd"
        passwords.write_text("operator:{PLAIN}secret\n")
        upstream.files.update({"graphql": b"api", "content/file": b"content"})
        tls_port = free_port()
        changes = {
            "listen 443 ssl;": f"listen 127.0.0.1:{tls_port} ssl;",
            "/etc/nginx/tls/packages.example.com.crt": str(certificate),
            "/etc/nginx/tls/packages.example.com.key": str(key),
            "auth_basic_user_file /etc/nginx/headbox.htpasswd": f"auth_basic_user_file {passwords}",
        }
        text = (EXAMPLES / "nginx-public.conf").read_text().replace("http://127.0.0.1:8640", upstream.url)
        example = tmp_path / "example.conf"
        example.write_text(text)
        with nginx(tmp_path / "nginx", example, changes):
            yield f"https://127.0.0.1:{tls_port}"

    def test_api_needs_a_password_and_packages_do_not(self, url: str) -> None:
        with httpx2.Client(verify=False) as anybody:
            assert anybody.get(f"{url}/graphql").status_code == 401
            assert anybody.get(f"{url}/graphql", auth=("operator", "wrong")).status_code == 401
            assert anybody.get(f"{url}/graphql", auth=("operator", "secret")).content == b"api"
            assert anybody.get(f"{url}/content/file").content == b"content"
            assert anybody.get(f"{url}/metrics", auth=("operator", "secret")).status_code == 404

    def test_clients_are_where_they_come_from(self, url: str, upstream: Upstream) -> None:
        with httpx2.Client(verify=False, headers={"X-Forwarded-For": "192.0.2.1"}) as client:
            client.get(f"{url}/content/file")

        [headers] = upstream.headers_of("content/file")
        assert headers.getall("X-Forwarded-For") == ["127.0.0.1"]

    def test_users_are_those_who_know_a_password(self, url: str, upstream: Upstream) -> None:
        claimed = {"X-Forwarded-User": "mallory"}
        with httpx2.Client(verify=False, headers=claimed) as client:
            client.get(f"{url}/graphql", auth=("operator", "secret"))
            client.get(f"{url}/content/file", auth=("mallory", "any"))
            client.get(f"{url}/content/file")

        [api], content = upstream.headers_of("graphql"), upstream.headers_of("content/file")
        assert api["X-Forwarded-User"] == "operator"
        assert ["X-Forwarded-User" in headers for headers in content] == [False, False]


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Return the files of a certificate for 127.0.0.1 and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    files = folder / "tls.crt", folder / "tls.key"
    files[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files
