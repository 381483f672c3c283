"""Documents that would take long to validate."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest

from headbox.kinds import Registry
from headbox.plugins.file.plugin import plugin
from headbox.schema.build import ApiSchema, build_schema


@pytest.fixture(scope="module")
def schema() -> ApiSchema:
    return build_schema(Registry([plugin]))


def spreads(count: int, selection: str = "status { version }") -> str:
    """Return a document of so many fragments, all in one place."""
    fragments = " ".join(f"fragment F{n} on Query {{ {selection} }}" for n in range(count))
    return f"{{ {' '.join(f'...F{n}' for n in range(count))} }} {fragments}"


def chain(count: int) -> str:
    """Return a document of so many fragments, each of which uses the next."""
    links = " ".join(f"fragment F{n} on Query {{ a{n}: __typename ...F{n + 1} }}" for n in range(count))
    return f"{{ ...F0 }} {links} fragment F{count} on Query {{ __typename }}"


#: Most calls of functions that it may take to refuse a document; to compare what the first one here asks for takes
#: millions.
MOST_CALLS = 1_000_000


@contextmanager
def calls() -> Iterator[list[int]]:
    """Count the calls of functions in the block, of Python's and of C's: the same on any machine, however busy."""
    counted = [0]

    def count(_frame: FrameType, event: str, _argument: Any) -> None:
        counted[0] += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield counted
    finally:
        sys.setprofile(before)


DOUBLING = " ".join(
    f"fragment F{n} on Task {{ a: repeats {{ ...F{n + 1} }} b: repeats {{ ...F{n + 1} }} }}" for n in range(30)
)


@pytest.mark.parametrize(
    "query",
    [
        "{" + "status { version } " * 1200 + "}",
        "{ tasks { edges { node {" + "id " * 4900 + "} } } }",
        "{" + "status { database { ok } } " * 700 + "}",
        "{" + "... on Query { status { version } } " * 500 + "}",
        spreads(300),
        spreads(40, "status { version } " * 10),
        chain(400),
        f'{{ task(id: "a") {{ ...F0 }} }} {DOUBLING} fragment F30 on Task {{ id }}',
        # A fragment that nothing uses is validated too.
        "{ __typename } fragment F on Query {" + "status { version } " * 1200 + "}",
    ],
)
def test_document_that_takes_long_to_validate_is_refused_before(schema: ApiSchema, query: str) -> None:
    with calls() as counted:
        errors = schema.documents.check(query).errors

    assert [error.extensions for error in errors] == [{"code": "LIMIT_EXCEEDED"}]
    assert counted[0] < MOST_CALLS


@pytest.mark.parametrize(
    "query",
    [
        spreads(60),
        "{" + "status { version } " * 100 + "}",
        chain(120),
        "{ tasks { edges { node {" + " ".join(f"a{n}: id" for n in range(1000)) + "} } } }",
    ],
)
def test_document_that_people_or_generators_write_is_not(schema: ApiSchema, query: str) -> None:
    assert schema.documents.check(query).errors == []


def test_fragments_in_a_circle_are_told_as_such(schema: ApiSchema) -> None:
    [error] = schema.documents.check("{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }").errors

    assert "within itself" in error.message
