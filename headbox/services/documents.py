"""Checking what clients send for the fields that a kind declares, and for the names and labels that all share."""

from __future__ import annotations

import re
from typing import Any, TypeVar
from unicodedata import is_normalized

from pydantic import ValidationError

from headbox.errors import Invalid, RequestError, Required
from headbox.kinds import Document
from headbox.types import is_storable

DocumentT = TypeVar("DocumentT", bound=Document)

#: Longest name of a repository, remote or distribution, in characters.
MAX_NAME = 255
#: Most labels of one thing, and the longest key and value, in characters.
MAX_LABELS, MAX_LABEL_KEY, MAX_LABEL_VALUE = 64, 63, 255
#: How much of a name that is too long is shown, in characters.
MAX_SHOWN = 80

#: What shows nothing, or changes how what stands around it is shown: two names would look like one, or like another.
#: Joiners (U+200C, U+200D) are not among it: scripts and emojis need them.
#: Source: Unicode Standard Annex 9, table 4; Unicode Technical Report 36, section 2.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]")


def checked(kind: type[DocumentT], values: dict[str, Any]) -> DocumentT:
    """Return the document of these values.

    Raises:
        ExceptionGroup: An `Invalid` or `Required` for each field at fault.
    """
    unstorable = [name for name, value in values.items() if isinstance(value, str) and not is_storable(value)]
    if unstorable:
        raise ExceptionGroup(
            "invalid fields", [Invalid(field=name, reason="it holds a NUL", path=(name,)) for name in unstorable]
        )
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        # Without the input: it may be a secret, and pydantic would show it.
        faults = [_fault(detail) for detail in error.errors(include_input=False, include_url=False)]
        raise ExceptionGroup("invalid fields", faults) from None


def _fault(detail: Any) -> RequestError:
    path = tuple(str(part) for part in detail["loc"])
    field = path[0] if path else "input"
    if detail["type"] == "missing":
        return Required(field=field, path=path)
    reason = detail["msg"].removeprefix("Value error, ").rstrip(".")
    return Invalid(field=field, reason=reason[:1].lower() + reason[1:], path=path)


def check_name(name: str) -> str:
    """Return a name that people can read and machines can tell from others.

    Raises:
        Invalid: It is empty, too long, begins or ends with white space, holds control characters, or is written in
            another way than Unicode's normal form C.
    """
    if not name.strip():
        raise Invalid(field="name", reason="it is empty", path=("name",))
    if len(name) > MAX_NAME:
        raise Invalid(field="name", reason=f"it is longer than {MAX_NAME} characters", path=("name",))
    if name != name.strip() or _UNSEEN.search(name):
        raise Invalid(
            field="name", reason="it begins or ends with white space or holds control characters", path=("name",)
        )
    if not is_normalized("NFC", name):
        raise Invalid(field="name", reason="it is not in Unicode's normal form C", path=("name",))
    return name


def check_labels(labels: dict[str, Any] | None) -> dict[str, str]:
    """Return labels: text by key.

    Raises:
        Invalid: They are too many or too long, or no texts by keys.
    """
    if labels is None:
        return {}
    if len(labels) > MAX_LABELS:
        raise Invalid(field="labels", reason=f"they are an object of at most {MAX_LABELS} texts", path=("labels",))
    for key, value in labels.items():
        shown = key if len(key) <= MAX_SHOWN else f"{key[:MAX_SHOWN]}…"
        if (
            not key
            or len(key) > MAX_LABEL_KEY
            or not isinstance(value, str)
            or len(value) > MAX_LABEL_VALUE
            or "\0" in key + value
        ):
            raise Invalid(
                field="labels",
                reason=f"{shown!r}: a key has 1 to {MAX_LABEL_KEY}, its text at most {MAX_LABEL_VALUE} characters, none"
                " of them NUL",
                path=("labels", shown),
            )
    return dict(labels)
