"""Documents that would take long to validate."""

from __future__ import annotations

import time

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
def test_document_that_takes_long_to_validate_is_refused_at_once(schema: ApiSchema, query: str) -> None:
    # Time of this thread: the machine may be busy with other tests.
    begun = time.thread_time()
    errors = schema.documents.check(query).errors

    assert [error.extensions for error in errors] == [{"code": "LIMIT_EXCEEDED"}]
    assert time.thread_time() - begun < 1


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
