"""Taking credentials out of what is logged: in URLs, and in fields that are named for them."""

from __future__ import annotations

import re
from typing import Any

#: What stands in place of a credential.
MASK = "***"

_USERINFO = re.compile(r"(?<=://)[^/?#\s@]+@")
_SECRET_NAME = re.compile(r"password|secret|token|authorization|cookie", re.IGNORECASE)


def masked(name: str, value: Any) -> Any:
    """Return a value without the credentials in it.

    Args:
        name: Name of the field that holds it.
        value: Whatever was logged; what is within lists and objects is looked at too.
    """
    if isinstance(value, dict):
        return {key: masked(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [masked(name, item) for item in value]
    if isinstance(value, str):
        return MASK if _SECRET_NAME.search(name) else _USERINFO.sub(f"{MASK}@", value)
    return value
