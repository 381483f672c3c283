"""What a sync's generator yields: everything that the remote holds now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from headbox.kinds.documents import ContentUnit

# Named tuples, because a sync makes millions of them: a frozen dataclass takes five times as long to make.


class DeclaredArtifact(NamedTuple):
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


class DeclaredContent(NamedTuple):
    """One content unit with its artifacts."""

    unit: ContentUnit
    artifacts: Sequence[DeclaredArtifact] = ()
