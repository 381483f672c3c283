"""Errors as data."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import GraphQLError

from headbox import errors
from headbox.errors import HeadboxError, PlanMoved
from headbox.models.database import ConnectionLost
from headbox.schema.errors import ERROR_TYPES, TYPES_BY_CODE, VALUES, UserError, faults
from headbox.schema.masking import is_bug, shown


def type_of(error: HeadboxError) -> str:
    """Return the name of the API's type of an error."""
    return UserError.resolve_type(error.as_document(), None, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errors.NotFound(what="Task", key="x"), "NotFound"),
        (errors.WrongType(key="x", actual="A", expected="B"), "WrongType"),
        (errors.NameTaken(what="remote", name="x"), "NameTaken"),
        (errors.BasePathTaken(base_path="a", other="b"), "BasePathTaken"),
        (errors.BasePathOverlaps(base_path="a", other="b"), "BasePathOverlaps"),
        (errors.RevisionConflict(what="remote", current=2, expected=1), "RevisionConflict"),
        (errors.RemoteResponse(url="http://a", reason="404", status=404), "RemoteResponse"),
        (errors.PlanOutdated(moved=PlanMoved.REMOTE, reason="x"), "PlanOutdated"),
        (errors.RepositoryIncomplete(repository="x", open_issues=1), "RepositoryIncomplete"),
        (errors.Invalid(field="a", reason="b"), "PlainError"),
        (errors.InUse(what="remote", name="x", users="y"), "PlainError"),
        (errors.Canceled(), "PlainError"),
    ],
)
def test_error_is_shown_by_the_type_that_carries_its_values(error: HeadboxError, expected: str) -> None:
    assert type_of(error) == expected


def test_error_without_the_values_of_its_type_is_plain() -> None:
    document = {**errors.NotFound(what="Task", key="x").as_document(), "values": {}}

    assert UserError.resolve_type(document, None, None) == "PlainError"  # type: ignore[arg-type]


def test_types_carry_more_than_the_interface() -> None:
    assert {found for types in TYPES_BY_CODE.values() for found in types} < set(ERROR_TYPES)
    assert all(VALUES.values())


def test_group_of_expected_failures_is_told_apart_from_a_bug() -> None:
    one, two = errors.Canceled(), errors.Required(field="a")

    assert list(faults(ExceptionGroup("", [one, ExceptionGroup("", [two])]))) == [one, two]
    with pytest.raises(ExceptionGroup):
        list(faults(ExceptionGroup("", [one, KeyError("a")])))


def located(cause: Exception, path: list[str | int] | None = None) -> GraphQLError:
    return GraphQLError(str(cause), original_error=cause, path=path)


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        (errors.LimitExceeded(what="It", limit=1), "LIMIT_EXCEEDED"),
        (ExceptionGroup("", [errors.Required(field="a")]), "REQUIRED"),
        (RecursionError("deep"), "LIMIT_EXCEEDED"),
        (ConnectionLost("secret"), "DATABASE_UNAVAILABLE"),
        (KeyError("secret"), "INTERNAL"),
        (ValueError("secret"), "INTERNAL"),
        (ExceptionGroup("", [KeyError("secret")]), "INTERNAL"),
    ],
)
def test_only_what_is_expected_is_shown(cause: Exception, code: str) -> None:
    error = located(cause, ["field"])

    masked: Any = shown(error)

    assert masked.extensions["code"] == code
    assert masked.path == ["field"]
    assert "secret" not in masked.message
    assert is_bug(error) is (code == "INTERNAL")


def test_errors_of_the_request_itself_stay() -> None:
    syntax = GraphQLError("Syntax Error")
    deliberate = located(GraphQLError("no"))

    assert shown(syntax) is syntax
    assert shown(deliberate) is deliberate
    assert not is_bug(syntax)
