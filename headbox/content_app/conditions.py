"""Conditional requests.

Source: RFC 9110, section 13.
"""

from __future__ import annotations


def is_unchanged(*, etag: str | None, modified: str, if_none_match: str | None, if_modified_since: str | None) -> bool:
    """Tell whether the client has the file already.

    Args:
        etag: The file's strong tag with its quotes, or None while its digest is unknown.
        modified: The file's Last-Modified.
        if_none_match: Header of the request; a list of tags, weak ones too, or "*".
        if_modified_since: Header of the request; passed over where there are tags.
    """
    if if_none_match is not None:
        # A quoted digest is in the list or it is not: tags hold no quotes.
        return if_none_match.strip() == "*" or (etag is not None and etag in if_none_match)
    # Only the very same time counts, as RFC 9110 (section 13.1.3) allows: what a distribution serves can go back to an
    # older file, which is not newer than what the client has and yet another one.
    return if_modified_since == modified


def allows_range(*, etag: str | None, modified: str, if_range: str | None) -> bool:
    """Tell whether a part of the file fits the part that the client has."""
    return if_range is None or if_range in (etag, modified)
