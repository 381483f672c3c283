"""What a sync's generator yields: everything that the remote holds now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headbox.kinds.documents import ContentUnit


@dataclass(frozen=True, slots=True)
class DeclaredArtifact:
    """One file of a content unit, and where to fetch it.

    Attributes:
        relative_path: Where clients find it below a distribution's base path.
        url: Where the remote has it; absolute.
        sha256: Its digest, 64 lower-case hexadecimal digits, or None when the remote does not tell.
        size: Its size in bytes, or None when the remote does not tell.
    """

    relative_path: str
    url: str
    sha256: str | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class DeclaredContent:
    """One content unit with its artifacts."""

    unit: ContentUnit
    artifacts: Sequence[DeclaredArtifact] = ()
