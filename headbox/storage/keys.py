"""The names of artifacts in a place that keeps them: `ab/cdef…` for the digest `abcdef…`.

The same everywhere, so that artifacts can be copied from one place to another as they are. 256 folders keep each one
small enough for every file system, at a hundred million artifacts too.
"""

from __future__ import annotations

import re

from headbox.types import check_sha256

#: How many digits of a digest name its folder.
_FOLDER_DIGITS = 2

_is_key = re.compile(rf"[0-9a-f]{{{_FOLDER_DIGITS}}}/[0-9a-f]{{{64 - _FOLDER_DIGITS}}}").fullmatch


def key_of(digest: str) -> str:
    """Return the name of an artifact.

    Raises:
        ValueError: It is no digest.
    """
    digest = check_sha256(digest)
    return f"{digest[:_FOLDER_DIGITS]}/{digest[_FOLDER_DIGITS:]}"


def digest_of(key: str) -> str | None:
    """Return the digest of the artifact that has this name, or None when it is the name of something else."""
    return key.replace("/", "") if _is_key(key) else None
