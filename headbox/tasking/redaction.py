"""Taking credentials out of what is logged: in URLs, and in fields that are named for them."""

from __future__ import annotations

import re
from functools import lru_cache
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
        if _is_secret(name):
            return MASK
        return _USERINFO.sub(f"{MASK}@", value) if "://" in value else value
    return value


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    """Tell whether a field is named for a credential; there are few names, and many lines."""
    return _SECRET_NAME.search(name) is not None
