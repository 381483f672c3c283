"""Programs that tests talk to while they run."""

from __future__ import annotations

import subprocess
from types import TracebackType

from typing_extensions import override


class Program(subprocess.Popen[str]):
    """A process that a failed test does not wait for: as a block, it is killed when an error leaves the block."""

    @override
    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None:
            self.kill()
        super().__exit__(kind, value, traceback)
