"""Does what a container engine would do with our files, on this machine, as whoever runs the tests.

The file system of the image and its mounts are one folder: every absolute path of the files is put below it. Ports are
free ones of 127.0.0.1 in the place of those in the files, and names of hosts are addresses. But for that, the commands
run as they stand, with the environment of the files and no other.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.deploy.checks import ROOT
from tests.deploy.dockerfile import Instruction, stages_of

#: Not sent to the builder: see Dockerfile.dockerignore.
_IGNORED = shutil.ignore_patterns("__pycache__", "node_modules", "typed", "web_assets")
#: Folders of the image and its mounts.
_FOLDERS = ("backup", "dist", "etc/nginx", "opt", "run/secrets", "src", "tmp", "usr/local/bin", "var/lib/headbox")
_PATH = re.compile(rf"(?<![\w./])/(?={'|'.join(_FOLDERS)})")
#: For what only root may do: accounts are not made, and files are not given away.
_STAND_INS = {
    "groupadd": "exit 0",
    "useradd": "exit 0",
    "install": """
        for word in "$@"; do
            shift
            if [ -n "${skip:-}" ]; then skip=; continue; fi
            case $word in --owner | --group) skip=1 ;; *) set -- "$@" "$word" ;; esac
        done
        exec /usr/bin/install "$@"
        """,
}


class Machine:
    """A folder that stands for the file systems of all containers.

    Attributes:
        root: The folder.
        variables: What ENV of the image says.
    """

    def __init__(self, root: Path, programs: Mapping[str, Sequence[str | Path]]) -> None:
        """Set up a machine.

        Args:
            root: A folder that is there and empty.
            programs: Those that images of others bring: names, and the commands here that their arguments go behind.
        """
        self.root = root
        self.variables: dict[str, str] = {}
        self._changes: dict[str, str] = {}
        self._entrypoint: list[str] = []
        for folder in _FOLDERS:
            (root / folder).mkdir(parents=True)
        bodies = {
            **_STAND_INS,
            **{name: f'exec {shlex.join(map(str, words))} "$@"' for name, words in programs.items()},
        }
        self._programs = root / "stand-ins"
        self._programs.mkdir()
        for name, body in bodies.items():
            (self._programs / name).write_text(f"#!/bin/sh\n{body}\n")
            (self._programs / name).chmod(0o755)
        self._libraries = _libraries(root / "libraries")

    def replace(self, changes: Mapping[str, str]) -> None:
        """Let other words stand for some in all that is run from here on: ports and hosts."""
        self._changes.update(changes)

    def here(self, text: str) -> str:
        """Return a text of the files as it is on this machine."""
        for old, new in self._changes.items():
            text = re.sub(rf"(?<!\w){re.escape(old)}(?!\w)", new, text)
        return _PATH.sub(f"{self.root}/", text)

    def path(self, path: str) -> Path:
        """Return where an absolute path of a container is."""
        return self.root / path.removeprefix("/")

    def build(self, dockerfile: Path) -> None:
        """Follow a Dockerfile, from its first instruction to its last."""
        for stage in stages_of(dockerfile):
            folder, variables = self.root, {"PATH": self._search_path(Path(sys.executable).parent)}
            for instruction in stage:
                if instruction.name == "WORKDIR":
                    folder = self.path(instruction.text)
                elif instruction.name == "COPY":
                    self._copy(instruction, folder)
                elif instruction.name == "RUN":
                    self._run(instruction, folder, variables)
                elif instruction.name == "ENV":
                    self.variables = {name: self.here(value) for name, value in instruction.values.items()}
                    variables.update({name: value for name, value in self.variables.items() if name != "PATH"})
                elif instruction.name == "ENTRYPOINT":
                    self._entrypoint = instruction.words

    def environment(self, service: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of a service's commands.

        Args:
            service: The service, as in the compose file.
            given: Values of the variables that the compose file reads.
        """

        def expanded(text: str) -> str:
            return re.sub(r"\$\{(\w+):-([^}]*)\}", lambda match: given.get(match[1], match[2]), text)

        own = {name: self.here(expanded(value)) for name, value in service.get("environment", {}).items()}
        if "build" not in service:
            return {**own, "PATH": self._search_path()}
        path = self._search_path(self.path("/opt/headbox/bin"), self.path("/usr/local/bin"))
        return {**self.variables, **own, "PATH": path, "PYTHONPATH": str(self._libraries)}

    def words(self, service: Mapping[str, Any]) -> list[str]:
        """Return the whole command of a service."""
        words = [*service.get("entrypoint", self._entrypoint if "build" in service else []), *service["command"]]
        # A dollar that is no variable of the compose file is written twice in it.
        return [self.here(word.replace("$$", "$")) for word in words]

    @contextmanager
    def running(
        self, name: str, service: Mapping[str, Any], environment: Mapping[str, str]
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Run a service for as long as the block lasts; it must end well, in the time that it has, when it is told."""
        with (self.root / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                self.words(service),
                env=dict(environment),
                cwd=self.root,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        try:
            yield process
            process.send_signal(signal.Signals[service.get("stop_signal", "SIGTERM")])
            patience = float(service.get("stop_grace_period", "10s").removesuffix("s"))
            assert process.wait(patience) == 0, self.log(name)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def log(self, name: str) -> str:
        """Return what a service had to say."""
        return (self.root / f"{name}.log").read_text()

    def is_healthy(self, service: Mapping[str, Any], environment: Mapping[str, str]) -> bool:
        """Run the health check of a service once."""
        _, *words = service["healthcheck"]["test"]
        check = [self.here(word) for word in words]
        return subprocess.run(check, env=dict(environment), capture_output=True, check=False).returncode == 0

    def run(self, service: Mapping[str, Any], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        """Run a service that ends by itself."""
        return subprocess.run(
            self.words(service), env=dict(environment), cwd=self.root, capture_output=True, text=True, check=False
        )

    def _search_path(self, *folders: Path) -> str:
        return os.pathsep.join([*map(str, folders), str(self._programs), os.environ["PATH"]])

    def _copy(self, instruction: Instruction, folder: Path) -> None:
        *sources, target = instruction.words
        destination = folder / self.here(target)
        for source in sources:
            if "from" in instruction.flags:
                # The stages share their folder, for an environment of Python cannot be moved.
                assert self.here(source) == str(destination)
            elif (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, destination, ignore=_IGNORED, dirs_exist_ok=True)
            else:
                shutil.copy2(ROOT / source, destination)

    def _run(self, instruction: Instruction, folder: Path, variables: Mapping[str, str]) -> None:
        # As `make setup` got them, instead of fetching them again: packages of the web pages and of Python.
        modules = ROOT / "web" / "node_modules"
        if (folder / "web").exists() and not (folder / "web" / "node_modules").exists():
            (folder / "web" / "node_modules").symlink_to(modules)
        offline = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PYTHONPATH": str(self._libraries)}
        command = ["sh", "-e", "-c", self.here(instruction.text)]
        done = subprocess.run(
            command,
            cwd=folder,
            env={**variables, **offline},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{instruction.text}\n{done.stdout}"


def _libraries(folder: Path) -> Path:
    """Make a folder with all that is installed here, but for headbox itself."""
    folder.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if "headbox" not in path.name and path.suffix != ".pth":
            (folder / path.name).symlink_to(path)
    return folder
