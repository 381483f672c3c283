"""Mutations that are refused."""

from __future__ import annotations

from typing import Any

from headbox.models import Distribution, Publication, Remote, Repository, Task
from tests.integration.schema.api import Api

#: What a mutation selects of its errors.
ERRORS = "errors { __typename code message path hint retryable }"


async def refused(api: Api, document: str, **variables: Any) -> list[dict[str, Any]]:
    """Run a mutation that is to be refused, make sure that it changed nothing, and return its errors."""
    before = await _rows()
    data = await api.run(document, **variables)
    [payload] = data.values()
    assert await _rows() == before
    assert all(not value for name, value in payload.items() if name != "errors")
    errors: list[dict[str, Any]] = payload["errors"]
    assert errors
    return errors


async def _rows() -> list[int]:
    return [await model.all().count() for model in (Repository, Remote, Distribution, Publication, Task)]
