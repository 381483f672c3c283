"""What clients see of errors that are not in a payload."""

from __future__ import annotations

import logging

from graphql import GraphQLError

from headbox.errors import DatabaseUnavailable, ErrorCode, HeadboxError, Internal
from headbox.models.database import TRANSIENT
from headbox.schema.errors import faults, message
from headbox.tasking import correlation

log = logging.getLogger(__name__)


def shown(error: GraphQLError) -> GraphQLError:
    """Return an error as clients see it: expected ones with their code, bugs without their insides."""
    cause = error.original_error
    if cause is None or isinstance(cause, GraphQLError):
        return error
    if _is_request_error(error, cause):
        return GraphQLError(error.message, error.nodes, path=error.path, extensions=error.extensions)
    if isinstance(cause, RecursionError):
        return _with_code(error, "The request nests too deep.", ErrorCode.LIMIT_EXCEEDED)
    expected = expected_cause(cause)
    if expected is not None:
        return _with_code(error, message(expected), expected.code)
    internal = Internal(correlation_id=correlation.current())
    masked = _with_code(error, internal.message, internal.code)
    assert masked.extensions is not None
    masked.extensions["correlationId"] = correlation.current()
    return masked


def is_bug(error: GraphQLError) -> bool:
    """Tell whether an error is none that headbox expects."""
    cause = error.original_error
    if cause is None or isinstance(cause, GraphQLError | RecursionError):
        return False
    return not _is_request_error(error, cause) and expected_cause(cause) is None


def expected_cause(cause: BaseException) -> HeadboxError | None:
    """Return the expected failure that an exception is or holds, the first of several, or None for a bug."""
    if isinstance(cause, HeadboxError):
        return cause
    if isinstance(cause, TRANSIENT):
        return DatabaseUnavailable()
    if isinstance(cause, ExceptionGroup):
        try:
            return next(iter(list(faults(cause))))
        except ExceptionGroup:
            return None
    return None


def _is_request_error(error: GraphQLError, cause: BaseException) -> bool:
    """Tell whether a value in the request is not what its type takes: nothing was executed then."""
    return error.path is None and isinstance(cause, TypeError | ValueError) and bool(error.nodes)


def _with_code(error: GraphQLError, text: str, code: ErrorCode) -> GraphQLError:
    return GraphQLError(text, error.nodes, path=error.path, extensions={"code": code.value})
