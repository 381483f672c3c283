"""Reads a Dockerfile as far as ours go: instructions, flags, and both forms of commands."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Instruction:
    """One instruction.

    Attributes:
        name: Such as `RUN`.
        flags: Its options by name, such as `from`.
        text: The rest.
    """

    name: str
    flags: dict[str, str]
    text: str

    @property
    def words(self) -> list[str]:
        """The words of a command or of another list, in the JSON form and in the plain one."""
        words: list[str] = json.loads(self.text) if self.text.startswith("[") else shlex.split(self.text)
        return words

    @property
    def values(self) -> dict[str, str]:
        """The values of ENV or LABEL, by name."""
        return dict(word.split("=", 1) for word in self.words)


def stages_of(path: Path) -> list[list[Instruction]]:
    """Return the instructions of each stage, in order; each begins with its FROM."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text(), flags=re.MULTILINE)
    stages: list[list[Instruction]] = []
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        if not line.strip():
            continue
        name, _, rest = line.partition(" ")
        flags = {}
        while match := re.match(r"\s*--([a-z-]+)=(\S+)\s+", rest):
            flags[match[1]] = match[2]
            rest = rest[match.end() :]
        if name == "FROM":
            stages.append([])
        stages[-1].append(Instruction(name, flags, rest.strip()))
    return stages
