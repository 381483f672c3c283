from __future__ import annotations

import pytest

from headbox.content_app.conditions import allows_range, is_unchanged

ETAG = '"abc"'
MODIFIED = "Mon, 02 Jan 2023 00:00:00 GMT"


@pytest.mark.parametrize(
    ("if_none_match", "if_modified_since", "unchanged"),
    [
        (None, None, False),
        (ETAG, None, True),
        (f"W/{ETAG}", None, True),
        (f'"x", W/{ETAG}', None, True),
        (" * ", None, True),
        ("abc", None, False),
        ('"abcd"', None, False),
        ('"*"', None, False),
        (None, MODIFIED, True),
        (None, "Mon, 02 Jan 2024 00:00:00 GMT", False),
        (None, "nonsense", False),
        ('"x"', MODIFIED, False),
    ],
)
def test_tags_count_before_times(if_none_match: str | None, if_modified_since: str | None, unchanged: bool) -> None:
    assert unchanged == is_unchanged(
        etag=ETAG, modified=MODIFIED, if_none_match=if_none_match, if_modified_since=if_modified_since
    )


def test_unknown_digest_matches_no_tag() -> None:
    assert not is_unchanged(etag=None, modified=MODIFIED, if_none_match=ETAG, if_modified_since=None)


@pytest.mark.parametrize(
    ("if_range", "allowed"), [(None, True), (ETAG, True), (MODIFIED, True), (f"W/{ETAG}", False), ('"x"', False)]
)
def test_part_is_given_only_of_the_same_file(if_range: str | None, allowed: bool) -> None:
    assert allows_range(etag=ETAG, modified=MODIFIED, if_range=if_range) is allowed
