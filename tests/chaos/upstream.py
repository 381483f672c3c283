"""An upstream that is another one whenever it is asked, so that every sync finds something new.

Each time the manifest of a repository is fetched, the repository's generation grows by one. What a generation holds
follows from its number, so that whoever reads what headbox serves can tell which generation it is, and whether it is
whole.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.support.upstream import pulp_manifest

MANIFEST = "PULP_MANIFEST"
#: Files that every generation has.
LASTING = 3
#: Files that only one generation has.
PASSING = 5


def files_of(repository: str, generation: int) -> dict[str, bytes]:
    """Return what a generation of a repository holds, by path."""
    lasting = {f"lasting/{n}.txt": f"{repository} {n}\n".encode() * 50 for n in range(LASTING)}
    passing = {f"{generation}/{n}.txt": f"{repository} {generation} {n}\n".encode() * 50 for n in range(PASSING)}
    return lasting | passing


def generation_of(paths: set[str]) -> int | None:
    """Return which generation a manifest of these paths lists, or None when it is not one whole generation."""
    generations = {path.split("/")[0] for path in paths} - {"lasting"}
    if len(generations) != 1 or len(paths) != LASTING + PASSING:
        return None
    return int(generations.pop())


class Generations(dict[str, bytes]):
    """The files of the upstream: `<repository>/PULP_MANIFEST`, and whatever any generation has.

    Attributes:
        fetched: How often the manifest of each repository was fetched.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fetched: Counter[str] = Counter()

    def get(self, path: str, default: Any = None) -> Any:
        """Return the bytes of a path."""
        repository, _, name = path.partition("/")
        if name == MANIFEST:
            self.fetched[repository] += 1
            return pulp_manifest(files_of(repository, self.fetched[repository]))
        first = name.split("/")[0]
        return files_of(repository, int(first) if first.isdigit() else 0).get(name, default)
