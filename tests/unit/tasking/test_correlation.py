"""Correlation ids: what a client sent, when it is harmless, or a new one."""

from __future__ import annotations

import asyncio

import pytest

from headbox.tasking.correlation import accepted, correlated, current


@pytest.mark.parametrize("sent", ["a", "build-42", "a.b_c", "x" * 64])
def test_plain_word_is_kept(sent: str) -> None:
    assert accepted(sent) == sent


@pytest.mark.parametrize("sent", [None, "", "a b", "a\n", "ä", "x" * 65, '"'])
def test_anything_else_gives_a_new_one(sent: str | None) -> None:
    first, second = accepted(sent), accepted(sent)

    assert first != second
    assert accepted(first) == first


async def test_each_task_has_its_own() -> None:
    async def seen(correlation_id: str) -> str:
        with correlated(correlation_id):
            await asyncio.sleep(0)
            return current()

    assert list(await asyncio.gather(seen("one"), seen("two"))) == ["one", "two"]
    assert not current()
