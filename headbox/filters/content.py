"""Filters of content units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from headbox.filters import searched_fields
from headbox.filters.conditions import (
    ANY,
    NONE,
    Condition,
    Range,
    check_size,
    common_ranges,
    compiled,
    every,
    found_by,
    nested,
    one_of,
    starts_with,
)
from headbox.filters.labels import labeled
from headbox.filters.searched_fields import Asker
from headbox.types import derived_id_range

#: The units that have labels, which are few as a rule: an index has them alone.
_LABELED = Range("content", Condition("content.labels <> '{}'"), "content.id")


async def condition(asker: Asker, filter: Mapping[str, Any] | None, kind: str | None = None) -> Condition:
    """Return the condition of a filter on content units.

    Args:
        asker: The operation, or the transaction.
        filter: The filter.
        kind: The kind of the list, or None for a list of all kinds: which fields can be searched.

    Raises:
        Invalid: A field cannot be searched, or not for this value.
        LimitExceeded: It nests too deep, or holds too many conditions.
    """
    if filter is None:
        return ANY
    # Before its ranges are looked up.
    check_size(filter)
    common = await common_ranges(asker.connection, _ranges(asker, filter, kind))
    return compiled(
        filter,
        {
            "kind": of_kinds,
            "relative_path": lambda paths: with_artifact(asker, one_of("relative_path", paths)),
            "relative_path_prefix": lambda prefix: _with_prefix(asker, prefix, common),
            "sha256": lambda digests: with_artifact(asker, one_of("sha256", [digest.lower() for digest in digests])),
            "created_after": lambda time: Condition("content.created_at > ?", (_utc(time),)),
            "created_before": lambda time: Condition("content.created_at < ?", (_utc(time),)),
            "label": lambda labels: _labeled(asker, labels, common),
            "field": lambda fields: every([searched_fields.condition(asker, field, kind, common) for field in fields]),
        },
    )


def of_kinds(kinds: Sequence[str]) -> Condition:
    """Return the condition that a content unit is of one of these kinds."""
    condition = one_of("content.kind", kinds)
    if len(kinds) != 1 or condition is NONE:
        return condition
    # The range finds them by the primary key: a page of a rare kind needs no index of its own.
    return condition & Condition("content.id BETWEEN ? AND ?", derived_id_range(kinds[0]))


def with_artifact(asker: Asker, condition: Condition) -> Condition:
    """Return the condition that a content unit has an artifact that one holds for."""
    query = Condition(f"SELECT content_id FROM content_artifact WHERE {condition.sql}", condition.parameters)  # noqa: S608
    return found_by(asker.connection, "content", query)


def _below(prefix: str) -> Range:
    return Range("content_artifact", starts_with("relative_path", prefix), "relative_path")


def _with_prefix(asker: Asker, prefix: str, common: frozenset[Range]) -> Condition:
    """Return the condition that a content unit has an artifact below a prefix."""
    below = _below(prefix)
    if below not in common:
        return found_by(asker.connection, "content", below.rows("content_id"))
    return Condition(
        "EXISTS (SELECT 1 FROM content_artifact WHERE content_artifact.content_id = content.id"  # noqa: S608
        f" AND {below.condition.sql})",
        below.condition.parameters,
    )


def _ranges(asker: Asker, filter: Mapping[str, Any], kind: str | None) -> Iterator[Range]:
    """Yield the ranges that a filter asks for, those of filters within it too."""
    if (prefix := filter.get("relative_path_prefix")) is not None:
        yield _below(prefix)
    if filter.get("label"):
        yield _LABELED
    for field in filter.get("field") or ():
        yield from searched_fields.ranges(asker, field, kind)
    for part in nested(filter):
        yield from _ranges(asker, part, kind)


def _labeled(asker: Asker, labels: Sequence[dict[str, Any]], common: frozenset[Range]) -> Condition:
    condition = labeled(asker.connection, "content.labels", labels)
    if not labels or _LABELED in common:
        return condition
    return replace(_LABELED.condition & condition, found_in="content")


def _utc(time: datetime | str) -> datetime:
    # In a filter that was kept with a task, times are texts.
    return (datetime.fromisoformat(time) if isinstance(time, str) else time).astimezone(UTC)
