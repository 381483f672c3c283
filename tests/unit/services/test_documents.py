"""What clients send for names, labels and the fields of a kind."""

from __future__ import annotations

import pytest

from headbox.errors import Invalid, Required
from headbox.plugins.file.kinds import FileRemote
from headbox.services.documents import check_labels, check_name, checked


def test_every_field_at_fault_is_told() -> None:
    with pytest.raises(ExceptionGroup) as raised:
        checked(FileRemote, {"max_retries": 99, "policy": "never", "headers": {"A B": "x"}})

    faults = {fault.path[0]: type(fault) for fault in raised.value.exceptions if isinstance(fault, Invalid | Required)}
    assert faults == {"url": Required, "max_retries": Invalid, "policy": Invalid, "headers": Invalid}


def test_secrets_are_not_repeated_in_errors() -> None:
    with pytest.raises(ExceptionGroup) as raised:
        checked(FileRemote, {"url": "http://example.org/", "password": ["wire"]})

    assert "wire" not in str([fault.as_document() for fault in raised.value.exceptions])  # type: ignore[union-attr]


def test_text_that_no_database_takes_is_refused() -> None:
    with pytest.raises(ExceptionGroup) as raised:
        checked(FileRemote, {"url": "http://example.org/", "username": "a\0"})

    assert [str(fault) for fault in raised.value.exceptions] == ["username is not valid: it holds a NUL."]


@pytest.mark.parametrize("name", ["a", "Fedora 42 (x86_64)", "日本", "a/b", "x" * 255, "é", "👩\u200d🔧"])
def test_name_is_taken_as_it_is(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("", "   ", " a", "a ", "a\nb", "a\x00", "a\x7f", "a\x9b", "a\u2028b", "\ud800", "x" * 256),
        # What looks like another name: turned around, with what shows nothing in it, or written in another way.
        *("a\u202eb", "a\u2066b", "a\u200bb", "\ufeffa", "e\u0301"),
    ],
)
def test_name_that_cannot_be_is_refused(name: str) -> None:
    with pytest.raises(Invalid) as raised:
        check_name(name)

    assert raised.value.path == ("name",)


def test_labels_are_texts_by_keys() -> None:
    labels = {"team": "crane", "k" * 63: "v" * 255, "empty": ""}

    assert check_labels(labels) == labels
    assert check_labels(None) == {}


@pytest.mark.parametrize(
    "labels",
    [
        {"": "v"},
        {"k" * 64: "v"},
        {"k": "v" * 256},
        {"k": 1},
        {"k": None},
        {"k": ["v"]},
        {str(n): "v" for n in range(65)},
    ],
    ids=lambda labels: str(labels)[:20],
)
def test_labels_that_cannot_be_are_refused(labels: dict[str, object]) -> None:
    with pytest.raises(Invalid) as raised:
        check_labels(labels)

    assert raised.value.path[0] == "labels"
