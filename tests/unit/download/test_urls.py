"""URLs are shown without secrets and sent without changes."""

from __future__ import annotations

import pytest

from headbox.download.urls import origin, parse_http_url, parse_url, safe_url
from headbox.errors import RemoteNotSyncable


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.org/a@b?c=d@e#f", "https://example.org/a@b?c=d@e#f"),
        ("https://user:pass@example.org/a", "https://example.org/a"),
        ("https://user:p@ss@example.org/a@b", "https://example.org/a@b"),
        ("https://user@example.org", "https://example.org"),
        ("//user:pass@example.org/a", "//example.org/a"),
        ("https://example.org//x@y", "https://example.org//x@y"),
        ("user@example", "user@example"),
        ("", ""),
    ],
)
def test_a_url_is_shown_without_user_name_and_password(url: str, shown: str) -> None:
    assert safe_url(url) == shown


@pytest.mark.parametrize("url", ["https://example.org/a%2Fb%7E?c=%2B+%20", "https://example.org/%e4?sig=a%3D%3D"])
def test_a_url_that_can_be_sent_is_not_rewritten(url: str) -> None:
    assert str(parse_http_url(url, url)) == url


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("https://example.org/a b", "https://example.org/a%20b"),
        ("https://example.org/ü", "https://example.org/%C3%BC"),
        ("https://user:pass@example.org/a#b", "https://example.org/a"),
    ],
)
def test_what_cannot_be_sent_is_escaped_or_left_out(url: str, sent: str) -> None:
    assert str(parse_http_url(url, url)) == sent


@pytest.mark.parametrize("url", ["", "/a", "http://", "http:///a", "http://[::1", "http://a:99999", "ftp://a/b"])
def test_what_is_no_web_address_is_refused_without_its_secrets(url: str) -> None:
    with pytest.raises(RemoteNotSyncable, match="is not a URL") as failure:
        parse_http_url(url, "https://user:pass@example.org")

    assert failure.value.values["remote"] == "https://example.org"


def test_an_origin_is_scheme_host_and_port() -> None:
    assert origin(parse_url("https://Example.org/a")) == ("https", "example.org", 443)
    assert origin(parse_url("https://example.org:443/b")) == origin(parse_url("https://user@example.org/"))
    assert origin(parse_url("http://example.org")) != origin(parse_url("https://example.org"))
    assert origin(parse_url("https://example.org:8443")) != origin(parse_url("https://example.org"))
