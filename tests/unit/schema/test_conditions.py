"""Filters as SQL."""

from __future__ import annotations

from typing import Any

import pytest

from headbox.errors import LimitExceeded
from headbox.filters.conditions import (
    ANY,
    MAX_FILTER_CONDITIONS,
    MAX_FILTER_DEPTH,
    NONE,
    Condition,
    compiled,
    contains,
    every,
    negated,
    one_of,
    some,
    starts_with,
)

LEAVES = {"kind": lambda kinds: one_of("kind", kinds), "name": lambda name: Condition("name = ?", (name,))}


def test_conditions_are_joined_with_their_parameters_in_order() -> None:
    joined = every([Condition("a = ?", (1,)), some([Condition("b = ?", (2,)), Condition("c = ?", (3,))])])

    assert joined == Condition("(a = ?) AND ((b = ?) OR (c = ?))", (1, 2, 3))


def test_no_conditions_hold_for_all_and_one_of_none_for_nothing() -> None:
    assert (every([]), every([ANY, ANY]), some([]), one_of("a", [])) == (ANY, ANY, NONE, NONE)


def test_pattern_characters_are_taken_as_they_are() -> None:
    assert contains("name", "50%_!") == Condition("LOWER(name) LIKE ? ESCAPE '!'", ("%50!%!_!!%",))
    assert starts_with("path", "") is ANY


@pytest.mark.parametrize(
    ("prefix", "behind"),
    [("tools/", "tools0"), ("a\U0010ffff", "b"), ("\ud7ff", "\ue000"), ("\uffff", "\U00010000")],
    ids=ascii,
)
def test_prefix_has_all_that_begin_with_it(prefix: str, behind: str) -> None:
    assert starts_with("path", prefix) == Condition("path >= ? AND path < ?", (prefix, behind))


def test_prefix_that_nothing_is_behind_has_no_end() -> None:
    assert starts_with("path", "\U0010ffff") == Condition("path >= ?", ("\U0010ffff",))


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        (None, ANY),
        ({}, ANY),
        ({"name": None}, ANY),
        ({"name": "a", "kind": ["x", "y"]}, Condition("(name = ?) AND (kind IN (?, ?))", ("a", "x", "y"))),
        ({"or": [{"name": "a"}, {"name": "b"}]}, Condition("(name = ?) OR (name = ?)", ("a", "b"))),
        ({"and": [{"name": "a"}]}, Condition("name = ?", ("a",))),
        ({"not": {"name": "a"}}, negated(Condition("name = ?", ("a",)))),
    ],
)
def test_filter_becomes_a_condition(filter: dict[str, Any] | None, expected: Condition) -> None:
    assert compiled(filter, LEAVES) == expected


def test_filter_is_bounded() -> None:
    deep: dict[str, Any] = {"name": "a"}
    for _ in range(MAX_FILTER_DEPTH):
        deep = {"or": [deep]}
    wide = {"or": [{"name": "a"}] * (MAX_FILTER_CONDITIONS + 1)}

    empty: dict[str, Any] = {"or": [{}] * (MAX_FILTER_CONDITIONS + 1)}

    for filter_ in (deep, wide, empty, {"not": {"and": [empty]}}):
        with pytest.raises(LimitExceeded):
            compiled(filter_, LEAVES)
