"""The data folder of a process."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headbox.cli.processes.refusal import StartRefused


@contextmanager
def data_folder(path: Path, *, is_shared: bool) -> Iterator[None]:
    """Make the data folder, and keep it from others for as long as the block lasts.

    Args:
        path: The folder.
        is_shared: Whether other processes that share it may use it too: those that have their database elsewhere.

    Raises:
        StartRefused: It cannot be used, or another process has it.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (path / "headbox.lock").open("w")
    except OSError as error:
        raise StartRefused(
            f"the data folder {path} cannot be used: {error.strerror}", "Name another one with --data-dir."
        ) from error
    with lock:
        try:
            fcntl.flock(lock, (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StartRefused(
                f"another headbox runs on the data folder {path}", "Stop it, or name another folder with --data-dir."
            ) from error
        yield
