"""Value types: digests, paths and identifiers."""

from __future__ import annotations

import time
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headbox.types import (
    FINAL_STATES,
    UNFINISHED_STATES,
    TaskState,
    are_relative_paths,
    are_sha256,
    check_relative_path,
    check_sha256,
    derived_id,
    derived_id_range,
    derived_id_text,
    uuid7,
)


@pytest.mark.parametrize("path", ["a", "a/b.c", ".hidden", "..a", "a..", "...", "a b", "ä/日本", "a" * 255, "a\\b"])
def test_relative_path_is_taken_as_it_is(path: str) -> None:
    assert check_relative_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "./a",
        "a/.",
        "a/..",
        "a/../b",
        "../a",
        "a\x00",
        "a\nb",
        "a\x7f",
        "a\x85b",
        "a\u2028b",
        "\ud800",
        "a" * 256,
        "é" * 128,
        "a/" * 2048,
        "/".join(["a" * 255] * 17),
    ],
)
def test_path_that_climbs_or_cannot_be_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="a path"):
        check_relative_path(path)


@given(path=st.text(alphabet="./a\0", max_size=12))
def test_path_that_is_taken_stays_below_its_folder(path: str) -> None:
    try:
        check_relative_path(path)
    except ValueError:
        return
    segments = path.split("/")
    assert all(segment not in {"", ".", ".."} and "\0" not in segment for segment in segments)


PATHS = st.text(alphabet="./a\n\0\x85é", max_size=8) | st.sampled_from(["a" * 63, "a" * 64, "é" * 200, "a/b"])


@given(paths=st.lists(PATHS, max_size=5))
def test_paths_that_are_taken_together_are_taken_one_by_one(paths: list[str]) -> None:
    if are_relative_paths(paths):
        assert [check_relative_path(path) for path in paths] == paths


@given(paths=st.lists(st.from_regex(r"[a-z]{1,9}(/[a-z.]{3,9}){0,3}", fullmatch=True), max_size=5))
def test_plain_paths_are_taken_together(paths: list[str]) -> None:
    assert are_relative_paths([path for path in paths if "/.." not in path])


@given(texts=st.lists(st.text(alphabet="aA\n", max_size=66) | st.just("ab" * 32), max_size=4))
def test_digests_are_digests_together_when_each_is(texts: list[str]) -> None:
    assert are_sha256(texts) == all(len(text) == 64 and set(text) <= set("abcdef0123456789") for text in texts)


def test_digest_is_taken_in_lower_case() -> None:
    assert check_sha256("AB" * 32) == "ab" * 32


@pytest.mark.parametrize("digest", ["", "a" * 63, "a" * 65, "g" * 64, " " + "a" * 63, "a" * 64 + "\n", "\u0661" * 64])
def test_what_is_no_digest_is_refused(digest: str) -> None:
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        check_sha256(digest)


def test_new_identifiers_sort_by_time() -> None:
    first = uuid7()
    time.sleep(0.002)
    second = uuid7()

    assert first < second
    assert (first.version, first.variant) == (7, UUID(int=0x8 << 60).variant)
    assert abs((first.int >> 80) / 1000 - time.time()) < 60


def test_derived_identifier_stays_for_ever() -> None:
    """Rows refer to it: it must be the same in every release."""
    assert derived_id_text("file.content", "a.txt", "ab" * 32) == "5d6a8d5c-4877-82d2-af64-c35fadc154a4"


@given(parts=st.lists(st.text()))
def test_derived_identifier_is_a_uuid_of_version_8(parts: list[str]) -> None:
    identifier = derived_id("kind", *parts)

    assert str(identifier) == derived_id_text("kind", *parts)
    assert identifier.version == 8
    lowest, highest = derived_id_range("kind")
    assert lowest <= str(identifier) <= highest


#: Texts in which one could be taken for another where their borders are not kept apart.
PARTS = st.lists(st.text(alphabet="a1:\0", max_size=4), max_size=4)


@given(first=PARTS, second=PARTS)
def test_other_parts_give_another_identifier(first: list[str], second: list[str]) -> None:
    assert (derived_id("kind", *first) == derived_id("kind", *second)) == (first == second)


def test_states_are_final_or_not() -> None:
    assert {state for state in TaskState if state.is_final} == FINAL_STATES
    assert set(TaskState) == FINAL_STATES | UNFINISHED_STATES
    assert not FINAL_STATES & UNFINISHED_STATES
