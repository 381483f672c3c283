"""Ids as clients have them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from headbox.resolvers.ids import GlobalId


def gid(type_name: str, row: Any) -> str:
    """Return the global id of a row."""
    return str(GlobalId(type_name, row.id))


def local_id(text: str) -> UUID:
    """Return the row's id in a global id."""
    parsed = GlobalId.parse(text)
    assert parsed is not None
    return parsed.id
