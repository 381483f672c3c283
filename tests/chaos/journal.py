"""What was seen, written down when it was seen, in a file that only grows."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Journal:
    """A file of entries, one JSON object a line, each with the machine's monotonic time as `at`.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def note(self, **entry: Any) -> None:
        """Append an entry."""
        with self.path.open("a") as file:
            file.write(json.dumps({"at": time.monotonic(), **entry}) + "\n")

    def entries(self) -> Iterator[dict[str, Any]]:
        """Yield all entries, in the order in which they were written; a last one that was cut short is left out."""
        with self.path.open() as file:
            yield from (json.loads(line) for line in file if line.endswith("\n"))
