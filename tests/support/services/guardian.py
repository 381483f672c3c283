"""Runs a server for as long as the test process that asked for it lives, even if that one is killed.

A pipe tells: nobody writes to it, and it ends with the last process that holds its other end. (`PR_SET_PDEATHSIG` is
lost when the server changes its user, and fires when the thread that started it ends.) Started as a script, with one
argument of JSON, by `tests.support.services.process`.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any


def guard(
    command: list[str], *, user: int | None, group: int | None, log: str, end_signal: int, folders: list[str]
) -> None:
    """Run the command, print its process id, and return once it has ended by itself.

    When standard input ends first, it gets the signal, and its folders are removed.
    """
    credentials: dict[str, Any] = {} if user is None else {"user": user, "group": group, "extra_groups": []}
    with Path(log).open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            **credentials,
        )
    print(process.pid, flush=True)  # noqa: T201 - the answer's way to the test
    exited = os.pidfd_open(process.pid)
    readable, _, _ = select.select([sys.stdin, exited], [], [])
    if sys.stdin in readable:
        process.send_signal(end_signal)
        process.wait()
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
    process.wait()


if __name__ == "__main__":
    guard(**json.loads(sys.argv[1]))
