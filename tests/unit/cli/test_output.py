"""Tables for people: what fits into the terminal."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from headbox.cli.output import line_of, print_object, print_page, print_rows, words

ID = "RmlsZVN5bmM6MDFhMjA3NjktMWE4MS03ZGE3LWJmM2YtYzNkNTZkMmJkZGM4"
ROW = {
    "correlationId": "be7935fac7289e7e",
    "createdAt": "2026-11-23T07:57:38+00:00",
    "id": ID,
    "kind": "file.sync",
    "state": "COMPLETED",
    "note": "three short words",
}


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    return monkeypatch


def test_a_pipe_gets_everything_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([ROW])

    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["kind", "state", "created", "at", "note", "correlation", "id", "id"]
    assert row.endswith(f"be7935fac7289e7e  {ID}")


def test_times_are_told_alike_wherever_they_stand(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([{"name": "nightly", "asOf": "2026-11-23T07:57:38.12+00:00", "runs": ["2026-11-23T07:57:38+00:00"]}])

    shown = f"{datetime(2026, 11, 23, 7, 57, 38, tzinfo=UTC).astimezone():%Y-%m-%d %H:%M:%S}"
    assert capsys.readouterr().out.splitlines()[1] == f"nightly  {shown}  {shown}"


@pytest.mark.parametrize(
    "text", ["2026-13-23T07:57:38+00:00", "2026-02-30T25:61:61+00:00", "٢٠٢٦-11-23T07:57:38+00:00"]
)
def test_what_only_looks_like_a_time_is_told_as_it_is(text: str) -> None:
    assert words({"labels": {"built": text}}) == f"labels (built={text})"


def test_names_are_told_as_they_are_though_they_are_times(capsys: pytest.CaptureFixture[str]) -> None:
    name = "2026-11-23T07:57:38+00:00"

    print_rows([{"name": name, "remote": {"name": name}}])
    print_object({"name": name})

    assert capsys.readouterr().out.split() == ["name", "remote", name, name, "name", name]
    assert line_of({"name": name}) == name


def test_page_says_that_it_is_empty_and_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    print_page([], {"hasNextPage": False, "endCursor": None})
    assert capsys.readouterr() == ("", "There are none.\n")

    print_page([ROW], {"hasNextPage": True, "endCursor": "c"})
    assert capsys.readouterr().err == "There are more: --after c\n"


@pytest.mark.parametrize(("columns", "shown"), [(200, 6), (80, 5), (40, 2), (20, 1)])
def test_a_terminal_gets_the_columns_that_fit_and_hears_of_the_others(
    columns: int, shown: int, terminal: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal.setenv("COLUMNS", str(columns))

    print_rows([ROW])

    out, err = capsys.readouterr()
    assert all(len(line) <= columns for line in out.splitlines())
    left_out = err.removeprefix("Too wide for this terminal: ").partition(".")[0].split(", ") if err else []
    assert len(ROW) - len(left_out) == shown
    # Commands take the id: it is there, if in several lines.
    assert ID[:20] in out
    assert ID[-8:] in out


def test_words_are_not_broken(terminal: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    terminal.setenv("COLUMNS", "30")

    print_rows([{"name": "a-repository", "description": "of several words", "state": "PUBLISHED"}])

    assert {"a-repository", "PUBLISHED"} <= set(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"repair": {}}, "repair"),
        ({"repair": {"dryRun": False}}, "repair (dryRun=no)"),
        ({"repository": {"name": "tools", "id": "x"}}, "repository=tools"),
        ({"manifest": "M", "parts": [1, 2]}, "manifest=M, parts=1, 2"),
        ({}, ""),
    ],
)
def test_objects_are_told_in_words(value: object, shown: str) -> None:
    assert words(value) == shown
