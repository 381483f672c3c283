"""How much an operation asks for."""

from __future__ import annotations

import time
from typing import Any

import pytest

from headbox.kinds import Registry
from headbox.plugins.file.plugin import plugin
from headbox.schema.build import ApiSchema, build_schema
from headbox.schema.limits import MAX_VALUES, Measure, Measuring, excess, excessive_variables
from headbox.settings import GraphQLSettings

INTROSPECTION = """
{ __schema { types { kind name fields { name args { name type { kind name ofType { kind name ofType { kind name
  ofType { kind name ofType { kind name } } } } } } } } } }
"""


@pytest.fixture(scope="module")
def schema() -> ApiSchema:
    return build_schema(Registry([plugin]))


def measured(schema: ApiSchema, query: str, **variables: Any) -> Measure:
    """Measure the only operation of a document."""
    checked = schema.documents.check(query)
    assert checked.errors == []
    return Measuring(schema.graphql, checked.document, variables).operation(checked.operation(None))


@pytest.mark.parametrize(
    ("query", "cost"),
    [
        ("{ __typename }", 0),
        ("{ status { version } }", 1),
        ("{ repositories { edges { node { id } } } }", 1 + 50),
        ("{ repositories(first: 3) { edges { node { id remote { url } } } pageInfo { hasNextPage } } }", 1 + 3 * 2 + 1),
        ("query ($n: Int) { repositories(first: $n) { edges { node { id } } } }", 1 + 7),
        ("{ tasks(last: 2) { edges { node { claims { resource } } } } }", 1 + 2 * (1 + 3)),
        ("{ tasks(last: 2) { edges { node { blockedBy { id } } } } }", 1 + 2 * (1 + 100)),
        ('{ nodes(ids: ["a", "b", "c"]) { id } }', 3),
        ("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", 4),
        ('query ($more: [ID!]! = ["a", "b"]) { nodes(ids: $more) { id } }', 2),
        ("query ($more: Int = 9) { repositories(first: $more) { edges { node { id } } } }", 1 + 9),
        ("query ($float: Int) { repositories(first: $float) { edges { node { id } } } }", 1 + 60),
        ("{ tasks(first: 100000) { edges { node { id } } } }", 1 + 500),
        ("{ tasks(first: -5) { edges { node { id } } } }", 1),
        (
            "{ repositories(first: 2) { ...page } } fragment page on RepositoryConnection { edges { node { id } } }",
            1 + 2,
        ),
        (INTROSPECTION, 0),
    ],
)
def test_cost_is_about_the_objects_that_may_be_returned(schema: ApiSchema, query: str, cost: int) -> None:
    assert measured(schema, query, n=7, float=60.0, ids=["a", "b", "c", "d"]).cost == cost


def test_depth_and_aliases_count_through_fragments(schema: ApiSchema) -> None:
    measure = measured(
        schema,
        '{ a: repository(name: "a") { ...f } b: repository(name: "b") { ...f } }'
        " fragment f on Repository { ... on FileRepository { c: remote { url } } }",
    )

    assert (measure.depth, measure.aliases) == (3, 4)


def test_fragments_that_double_each_time_are_measured_at_once(schema: ApiSchema) -> None:
    doubling = " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(40))
    document = schema.documents.check(f"{{ ...F0 }} {doubling} fragment F40 on Query {{ status {{ version }} }}")

    begun = time.monotonic()
    measure = Measuring(schema.graphql, document.document, {}).operation(document.operation(None))

    assert time.monotonic() - begun < 10
    assert measure.cost == 2**40


@pytest.mark.parametrize(
    "query",
    [
        "{ tasks(first: 1) { edges { node { blockedBy { blockedBy { id } } } } } }",
        "{ tasks(first: 1) { edges { node { blockedBy { ...f } } } } } fragment f on Task { b: blockedBy { id } }",
        "{ tasks(first: 1) { edges { node { blockedBy { repeats { blockedBy { id } } } } } } }",
    ],
)
def test_blockers_of_blockers_are_not_to_be_had(schema: ApiSchema, query: str) -> None:
    error = excess(measured(schema, query), GraphQLSettings())

    assert error is not None
    assert error.extensions == {"code": "LIMIT_EXCEEDED"}
    assert "blockedBy" in error.message


@pytest.mark.parametrize("field", ["depth", "aliases", "cost"])
def test_excess_names_what_and_the_limit(field: str) -> None:
    limits = GraphQLSettings()
    limit = getattr(limits, f"max_{field}")

    assert excess(Measure(**{field: limit}), limits) is None
    error = excess(Measure(**{field: limit + 1}), limits)

    assert error is not None
    assert str(limit) in error.message
    assert error.extensions == {"code": "LIMIT_EXCEEDED"}


@pytest.mark.parametrize(
    "variables",
    [
        {"filter": {"or": [{}] * (MAX_VALUES + 1)}},
        {"filter": [{"or": [{}] * 150}] * 100},
        {str(number): None for number in range(MAX_VALUES + 1)},
    ],
)
def test_variables_are_bounded(variables: dict[str, Any]) -> None:
    error = excessive_variables(variables)

    assert error is not None
    assert error.extensions == {"code": "LIMIT_EXCEEDED"}
    assert excessive_variables({"filter": {"or": [{}] * 1000}}) is None
    assert excessive_variables(None) is None
