"""The command `headbox apply`."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import click

from headbox.cli.applying.document import DocumentInvalid, Wanted, read_documents
from headbox.cli.applying.plan import Action, Planner, Step
from headbox.cli.applying.resources import Resource, resources
from headbox.cli.asking import ask, failure_of
from headbox.cli.derived.installed import installed_api
from headbox.cli.derived.references import Lookup, lookups, resolved
from headbox.cli.failures import ExitCode, Failure, UsageFailure
from headbox.cli.options import OutputFormat, output_option, server_options
from headbox.cli.output import print_data, words
from headbox.cli.printable import printable
from headbox.client import Client, ClientError, Profile

#: Longest file that is read, in bytes.
MAX_BYTES = 16 * 1024 * 1024

_MARKS = {Action.CREATE: ("+", "green"), Action.UPDATE: ("~", "yellow"), Action.DELETE: ("-", "red")}


@dataclass(frozen=True, slots=True)
class _File:
    """The file, and what is known of what it can say.

    Attributes:
        shown: Its name in messages.
        name: What the label of its things says.
        wanted: What it wants.
        known: What a file can want, by kind.
        lookups: The queries that find things by name.
    """

    shown: str
    name: str
    wanted: Sequence[Wanted]
    known: dict[str, Resource]
    lookups: dict[str, Lookup]


def _apply(
    *,
    file: IO[bytes],
    name: str | None,
    server: Profile,
    output_format: OutputFormat,
    only_plan: bool,
    prune: bool,
    renew_secrets: bool,
    yes: bool,
) -> None:
    """Make remotes, repositories, distributions, schedules and webhooks what a YAML file says.

    Shows what is to be created, updated and deleted, asks, and does it in the order in which things need each other.
    Stops at the first error, and says what was done and what was not. To run it again changes nothing.
    """
    read = _read(file, name)
    steps = ask(server, lambda client: _plan(client, read, prunes=prune, renews_secrets=renew_secrets))
    due = [step for step in steps if step.action is not Action.UNCHANGED]
    is_for_people = output_format == "table"
    if is_for_people or not (only_plan or yes):
        # Whoever is asked sees what for, wherever the output goes.
        _print_plan(steps, err=not is_for_people)
    if due and not only_plan:
        _confirm(yes=yes)
    told: list[dict[str, Any]] = []
    try:
        if due and not only_plan:
            ask(server, lambda client: _perform(client, due, told))
    finally:
        # What is told only once is told, too, where a later step fails.
        if not is_for_people:
            print_data({"plan": [_data(step) for step in steps], "told": told}, output_format)
        for each in told if is_for_people else ():
            click.echo(f"{each['kind']} {each['key']}: {_told(each)}")
    if due and only_plan:
        click.get_current_context().exit(ExitCode.PENDING)


def _read(file: IO[bytes], name: str | None) -> _File:
    """Return what a file wants.

    Raises:
        UsageFailure: It has mistakes.
    """
    is_stdin = file.name in {"<stdin>", "-", 0}
    shown = "standard input" if is_stdin else str(file.name)
    if name is None:
        if is_stdin:
            raise UsageFailure("What comes from standard input has no name.", hint="Give it one: --name NAME.")
        name = Path(file.name).stem
    if not name:
        raise UsageFailure("A name is not empty.", hint="Is a variable not set?")
    body = file.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        raise UsageFailure(f"{shown} is longer than {MAX_BYTES:,} bytes.")
    schema, kinds = installed_api()
    known, named = resources(schema, kinds), dict(lookups(schema))
    try:
        folder = Path.cwd() if is_stdin else Path(file.name).parent
        wanted = read_documents(body.decode(), folder, known, named, os.environ)
    except UnicodeDecodeError as error:
        raise UsageFailure(f"{shown} is not UTF-8.") from error
    except DocumentInvalid as error:
        raise _invalid(shown, error) from error
    return _File(shown, name, wanted, known, named)


def _invalid(shown: str, error: DocumentInvalid) -> UsageFailure:
    lines = [printable(f"{shown}:{line}: {problem}") for line, problem in error.problems]
    return UsageFailure("\n       ".join(lines), hint="Nothing was changed.")


async def _plan(client: Client, read: _File, *, prunes: bool, renews_secrets: bool) -> list[Step]:
    planner = Planner(client, read.known, read.lookups, name=read.name, renews_secrets=renews_secrets)
    try:
        return await planner.plan(read.wanted, prunes=prunes)
    except DocumentInvalid as error:
        raise _invalid(read.shown, error) from error


def _confirm(*, yes: bool) -> None:
    """Ask whether to go on.

    Raises:
        UsageFailure: There is nobody to ask.
        Failure: The answer was no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageFailure("There is nobody to ask.", hint="--yes does it, --plan only shows it.")
    if not click.confirm("Do this?", err=True):
        raise Failure("Nothing was changed.")


async def _perform(client: Client, steps: Sequence[Step], told: list[dict[str, Any]]) -> None:
    """Do the steps, and note what is told only now.

    Raises:
        Failure: One was refused; those before it are done.
    """
    for position, step in enumerate(steps):
        assert step.document is not None, "something is to be done"
        try:
            payload = await client.mutate(step.document, await resolved(client, step.variables))
        except (ClientError, Failure) as error:
            raise _stopped(steps, position, error) from error
        click.echo(f"{_past(step)} {_named(step)}", err=True)
        if payload and any(payload.values()):
            told.append({"kind": step.kind, "key": step.key, **payload})


def _stopped(steps: Sequence[Step], position: int, error: ClientError | Failure) -> Failure:
    failure = failure_of(error) if isinstance(error, ClientError) else error
    done = ", ".join(_named(step) for step in steps[:position]) or "nothing"
    left = ", ".join(_named(step) for step in steps[position:])
    lines = [f"{_named(steps[position])}: {failure.message}", f"Done: {done}.", f"Not done: {left}."]
    return type(failure)("\n".join(lines), hint=failure.hint or "Mend it and run it again: what is done stays.")


def _print_plan(steps: Sequence[Step], *, err: bool) -> None:
    for step in steps:
        if step.action in _MARKS:
            mark, colour = _MARKS[step.action]
            click.echo(f"{click.style(mark, fg=colour, bold=True)} {_named(step)}", err=err)
        for change in step.changes:
            old = "" if step.action is Action.CREATE else f"{_value(change.old)} -> "
            click.echo(f"    {change.field}: {old}{_value(change.new)}", err=err)
    counts = Counter(step.action for step in steps)
    click.echo(
        ", ".join(f"{counts[action]} to {action}" for action in _MARKS) + f", {counts[Action.UNCHANGED]} unchanged",
        err=err,
    )
    if hidden := ", ".join(f"{_named(step)}: {', '.join(step.not_compared)}" for step in steps if step.not_compared):
        click.echo(f"Not compared, for the server shows no secrets: {hidden}. --renew-secrets sends them.", err=True)


def _value(value: Any) -> str:
    return printable(words(value)) if value not in (None, "") else "nothing"


def _told(each: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in each.items() if key not in {"kind", "key"})


def _named(step: Step) -> str:
    return printable(f"{step.kind} {step.key}")


def _past(step: Step) -> str:
    return f"{step.action}d"


def _data(step: Step) -> dict[str, Any]:
    return {
        "action": str(step.action),
        "kind": step.kind,
        "key": step.key,
        "changes": {change.field: {"old": change.old, "new": change.new} for change in step.changes},
        "notCompared": list(step.not_compared),
    }


command = click.Command(
    "apply",
    callback=_apply,
    help=_apply.__doc__,
    params=[
        click.Argument(["file"], type=click.File("rb")),
        click.Option(
            ["only_plan", "--plan"], is_flag=True, help="Only show what would be done: 0 nothing, 5 something."
        ),
        click.Option(["yes", "--yes", "-y"], is_flag=True, help="Do not ask."),
        click.Option(
            ["prune", "--prune"],
            is_flag=True,
            help="Delete what was applied under this name before and is not in the file any more.",
        ),
        click.Option(
            ["name", "--name"],
            metavar="NAME",
            help="What the label headbox.apply of all that is applied says; the name of the file when left out.",
        ),
        click.Option(
            ["renew_secrets", "--renew-secrets"],
            is_flag=True,
            help="Send passwords and the like again: whether they have changed cannot be seen.",
        ),
        output_option(),
        *server_options(),
    ],
)
