"""What the files for containers say, as far as it can be seen without running them."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest
import yaml

from tests.deploy.checks import ROOT, SCRIPTS, parse_headbox, succeeds, unknown
from tests.deploy.dockerfile import Instruction, stages_of

# The same on either way: once is enough.
pytestmark = pytest.mark.embedded

DOCKER = ROOT / "docker"
COMPOSE_TEXT = (DOCKER / "compose.yaml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
#: Those that run the image of headbox.
HEADBOX_SERVICES = {name: service for name, service in SERVICES.items() if "build" in service}
#: Those that run for as long as nobody stops them.
LASTING_SERVICES = {name: service for name, service in SERVICES.items() if service["restart"] == "unless-stopped"}
#: What the entrypoint reads from files.
FROM_FILES = {f"{name}_FILE" for name in re.findall(r"HEADBOX_\w+(?= |;)", (DOCKER / "entrypoint.sh").read_text())}

STAGES = stages_of(DOCKER / "Dockerfile")
IMAGE = STAGES[-1]


def instruction(name: str) -> Instruction:
    """Return the one instruction of that name of the image that is kept."""
    (found,) = (instruction for instruction in IMAGE if instruction.name == name)
    return found


def seconds(duration: str) -> float:
    return float(duration.removesuffix("s"))


def test_linters_find_nothing() -> None:
    succeeds(SCRIPTS / "hadolint", DOCKER / "Dockerfile")
    succeeds(SCRIPTS / "shellcheck", *DOCKER.glob("*.sh"))
    succeeds(
        sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", DOCKER / "compose.yaml"
    )


class TestImage:
    def test_bases_have_a_tag_and_no_registry(self) -> None:
        images = [stage[0].words[0] for stage in STAGES] + [service["image"] for service in SERVICES.values()]

        assert [image for image in images if not re.fullmatch(r"[a-z]+:([\w.-]+|\$\{\w+:-\w+\})", image)] == []

    def test_user_is_a_number_and_not_root(self) -> None:
        user = instruction("USER").text

        assert re.fullmatch(r"(\d{5}):\1", user)
        assert f"--uid {user.split(':')[0]}" in instruction("RUN").text

    def test_signal_and_health_check_are_told(self) -> None:
        assert instruction("STOPSIGNAL").text == "SIGTERM"
        assert instruction("HEALTHCHECK").flags.keys() >= {"interval", "timeout", "start-period", "retries"}

    def test_command_is_one_of_headbox(self) -> None:
        parse_headbox(instruction("CMD").words)

    def test_environment_has_settings_that_exist(self) -> None:
        assert unknown(instruction("ENV").values) == set()

    def test_what_is_copied_is_in_the_context(self) -> None:
        copied = {
            source
            for stage in STAGES
            for step in stage
            if step.name == "COPY" and "from" not in step.flags
            for source in step.words[:-1]
        }
        kept = re.findall(r"^!(.+)$", (DOCKER / "Dockerfile.dockerignore").read_text(), re.MULTILINE)

        assert copied == set(kept)
        assert [source for source in copied if not (ROOT / source).exists()] == []


class TestCompose:
    @pytest.mark.parametrize("name", SERVICES)
    def test_service_is_hardened(self, name: str) -> None:
        service = SERVICES[name]

        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service.get("user", instruction("USER").text).split(":")[0] != "0"
        assert "privileged" not in service

    @pytest.mark.parametrize("name", LASTING_SERVICES)
    def test_lasting_service_is_watched_and_bounded(self, name: str) -> None:
        service = LASTING_SERVICES[name]

        assert service["healthcheck"]["test"][0] == "CMD"
        assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}

    @pytest.mark.parametrize("name", HEADBOX_SERVICES)
    def test_command_is_one_of_headbox(self, name: str) -> None:
        parse_headbox(HEADBOX_SERVICES[name]["command"])

    @pytest.mark.parametrize("name", HEADBOX_SERVICES)
    def test_settings_exist(self, name: str) -> None:
        assert unknown(HEADBOX_SERVICES[name]["environment"]) - FROM_FILES == set()

    @pytest.mark.parametrize("name", sorted(HEADBOX_SERVICES.keys() - {"migrate"}))
    def test_process_is_asked_at_its_own_port(self, name: str) -> None:
        service = HEADBOX_SERVICES[name]
        options = parse_headbox(service["command"])
        port = options.get("port") or options["health_port"]

        assert service["healthcheck"]["test"][-1] == f"127.0.0.1:{port}"
        assert service["network_mode"] == "service:nginx"
        location = f"location = /{name}/metrics {{ proxy_pass http://127.0.0.1:{port}/metrics; }}"
        assert location in (DOCKER / "nginx.conf").read_text()

    def test_processes_have_more_time_to_end_than_they_take(self) -> None:
        for service in HEADBOX_SERVICES.values():
            taken = service["environment"]["HEADBOX_SERVER_SHUTDOWN_SECONDS"]
            assert seconds(service["stop_grace_period"]) > float(taken)

    def test_nothing_is_published_beyond_this_host(self) -> None:
        published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}

        assert published.keys() == {"nginx"}
        assert all(re.match(r"\$\{HEADBOX_\w+:-127\.0\.0\.1:\d+\}:\d+$", port) for port in published["nginx"])

    def test_passwords_are_in_files(self) -> None:
        texts = {
            (name, variable): str(value)
            for name, service in SERVICES.items()
            for variable, value in service.get("environment", {}).items()
        }

        assert [key for key, text in texts.items() if re.search(r"://[^/]*@", text)] == []
        secrets = {variable for _, variable in texts if re.search(r"PASSWORD|SECRET|DATABASE_URL", variable)}
        assert {name for name in secrets if not name.endswith("_FILE")} == set()

    def test_secrets_are_those_that_the_script_makes(self) -> None:
        used = {secret for service in SERVICES.values() for secret in service.get("secrets", [])}
        made = re.findall(r"\| write (\w+)", (DOCKER / "make-secrets.sh").read_text())

        assert used == COMPOSE["secrets"].keys() == set(made)
        assert "/docker/secrets/" in (ROOT / ".gitignore").read_text().splitlines()

    def test_variables_of_the_example_are_those_that_are_read_with_their_defaults(self) -> None:
        read = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", COMPOSE_TEXT))
        given = re.findall(r"^(\w+)=(.*)$", (DOCKER / "env.example").read_text(), re.MULTILINE)

        assert dict(given) == read
