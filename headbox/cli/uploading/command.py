"""The command `headbox upload`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import click
from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn
from rich.text import Text

from headbox.cli.asking import ask
from headbox.cli.derived.commands import watch_option
from headbox.cli.derived.installed import installed_api
from headbox.cli.derived.references import Reference, lookups, resolved
from headbox.cli.failures import ExitCode, Failure
from headbox.cli.options import OutputFormat, output_option, server_options
from headbox.cli.output import print_data
from headbox.cli.printable import printable
from headbox.cli.uploading.content import ContentMutations, content_mutations
from headbox.cli.uploading.found import Finding, Found, find_files
from headbox.cli.watch import EXIT_CODES, watch
from headbox.client import Client, FileChanged, LocalFile, Profile, UploadJournal, UploadSummary
from headbox.client.client import PARALLEL_UPLOADS
from headbox.client.uploads import PATIENCE_SECONDS

#: Files whose digests are computed in one go: handing each one over to a thread would take longer than reading it.
HASHED_TOGETHER = 64
#: Content units that the API makes at a time.
MADE_TOGETHER = 500
#: Content units that a task adds.
ADDED_TOGETHER = 10_000
#: Files that have a bar of their own while they are sent.
LARGE_BYTES = 8 * 1024 * 1024
#: Problems that are told; the rest are counted.
TOLD_PROBLEMS = 20

_TYPE = "query Type($id: ID!) { node(id: $id) { __typename } }"


@dataclass(frozen=True, slots=True)
class _Target:
    """Where files go.

    Attributes:
        repository: Id of the repository.
        mutations: Those of its plugin.
    """

    repository: str
    mutations: ContentMutations


def _upload(
    *,
    paths: tuple[Path, ...],
    repository: str,
    path_prefix: str,
    parallel: int,
    server: Profile,
    output_format: OutputFormat,
    skip: bool,
    watch: bool,
) -> None:
    """Upload files and folders, and add them to a repository in one version.

    Bytes that are stored already are not sent, and what is cut goes on where it was: to run it again sends what is
    missing. A file that cannot be uploaded refuses all of them, before anything is sent.
    """
    finding = find_files(paths, path_prefix)
    _tell_refused(finding, skip=skip)
    if not finding.files:
        raise Failure("There are no files to upload.")

    async def work(client: Client) -> dict[str, Any]:
        target = await _target(client, repository)
        with _bars() as bars:
            files = await _hashed(finding.files, bars)
            summary = await _send(client, list(files.values()), bars, parallel)
            units = [unit async for unit in _make(client, target, files, bars)]
        tasks = [task async for task in _add(client, target, units)]
        _tell_summary(files, summary)
        return {
            "files": len(files),
            "skipped": finding.refused,
            "known": summary.known,
            "sent": summary.sent,
            "sentBytes": summary.sent_bytes,
            "tasks": await _watched(client, tasks) if watch else tasks,
        }

    result = ask(server, work)
    if output_format != "table":
        print_data(result, output_format)
    elif not watch:
        for task in result["tasks"]:
            click.echo(f"{task['kind']}  {task['id']}")
    if watch:
        codes = [EXIT_CODES[task["state"]] for task in result["tasks"]]
        click.get_current_context().exit(next((code for code in codes if code), ExitCode.OK))


def _tell_refused(finding: Finding, *, skip: bool) -> None:
    """Say what cannot be uploaded.

    Raises:
        Failure: Something cannot be, and is not to be skipped.
    """
    if not finding.refused:
        return
    told = [printable(line) for line in finding.refused[:TOLD_PROBLEMS]]
    if more := len(finding.refused) - len(told):
        told.append(f"and {more:,} more")
    lines = "\n       ".join(told)
    if not skip:
        raise Failure(f"{lines}\nNothing was sent.", hint="--skip leaves them out.")
    click.echo(f"Skipped: {lines}", err=True)


async def _target(client: Client, repository: str) -> _Target:
    schema, kinds = installed_api()
    key: str = await resolved(client, Reference(repository, lookups(schema)["repository"]))
    node = (await client.execute(_TYPE, {"id": key}))["node"]
    if node is None:
        raise Failure(f"There is no repository {repository!r}.")
    return _Target(key, content_mutations(schema, kinds, node["__typename"]))


async def _hashed(found: Sequence[Found], bars: Progress) -> dict[str, LocalFile]:
    """Return the files with their digests, by the paths that they are to have."""
    bar = bars.add_task("Reading", total=len(found), unit="files")
    files: dict[str, LocalFile] = {}
    for start in range(0, len(found), HASHED_TOGETHER):
        part = found[start : start + HASHED_TOGETHER]
        files |= await asyncio.to_thread(_read, part)
        bars.update(bar, advance=len(part))
    return files


def _read(part: Sequence[Found]) -> dict[str, LocalFile]:
    files = {}
    for found in part:
        try:
            files[found.relative_path] = LocalFile.read(found.path)
        except OSError as error:
            raise FileChanged(f"{found.path} cannot be read: {error.strerror}") from error
    return files


async def _send(client: Client, files: Sequence[LocalFile], bars: Progress, parallel: int) -> UploadSummary:
    bar = bars.add_task("Sending", total=None, unit="bytes")
    shown: dict[str, TaskID] = {}

    def advance(file: LocalFile, count: int) -> None:
        bars.update(bar, advance=count)
        # Only what takes a while has a bar of its own.
        if file.size >= LARGE_BYTES and file.sha256 not in shown:
            shown[file.sha256] = bars.add_task(printable(f"  {file.path.name}"), total=file.size, unit="bytes")
        if file.sha256 in shown:
            own = shown[file.sha256]
            bars.update(own, advance=count, visible=not bars.tasks[own].finished)

    summary = await client.upload(files, parallel=parallel, on_progress=advance, journal=UploadJournal.of_user())
    bars.update(bar, total=summary.sent_bytes, completed=summary.sent_bytes)
    return summary


async def _make(client: Client, target: _Target, files: dict[str, LocalFile], bars: Progress) -> AsyncIterator[str]:
    """Yield the ids of the content that the files are."""
    bar = bars.add_task("Making content", total=len(files), unit="files")
    items = [{"relativePath": path, "sha256": file.sha256} for path, file in files.items()]
    for start in range(0, len(items), MADE_TOGETHER):
        part = items[start : start + MADE_TOGETHER]
        payload = await client.mutate(
            target.mutations.create_document, {"input": {"items": part}}, patience_seconds=PATIENCE_SECONDS
        )
        if problems := list(_problems(part, payload["results"])):
            raise Failure("\n       ".join(problems[:TOLD_PROBLEMS]), hint="Nothing was added to the repository.")
        for result in payload["results"]:
            yield result["content"]["id"]
        bars.update(bar, advance=len(part))


def _problems(items: Sequence[dict[str, str]], results: Sequence[dict[str, Any]]) -> Iterator[str]:
    for item, result in zip(items, results, strict=True):
        for error in result["errors"]:
            yield printable(f"{item['relativePath']}: {error['message']}")


async def _add(client: Client, target: _Target, units: Sequence[str]) -> AsyncIterator[dict[str, Any]]:
    """Yield the tasks that add content to the repository: one, unless there is more than a task takes."""
    for start in range(0, len(units), ADDED_TOGETHER):
        given = {
            "repository": target.repository,
            "add": list(units[start : start + ADDED_TOGETHER]),
            "idempotencyKey": str(uuid4()),
        }
        payload = await client.mutate(
            target.mutations.add_document, {"input": given}, patience_seconds=PATIENCE_SECONDS
        )
        yield payload["task"]


async def _watched(client: Client, tasks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    console = Console(stderr=True)
    return [{**task, **await watch(client, task["id"], console)} for task in tasks]


def _tell_summary(files: dict[str, LocalFile], summary: UploadSummary) -> None:
    size = decimal(sum(file.size for file in files.values()))
    sent = f"{summary.sent:,} sent ({decimal(summary.sent_bytes)}), {summary.known:,} stored already"
    click.echo(f"{len(files):,} files, {size}: {sent}", err=True)


@contextmanager
def _bars() -> Iterator[Progress]:
    """Show bars on a terminal, and nothing elsewhere."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), _Amount())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        yield bars


class _Amount(ProgressColumn):
    """How much is done, of how much, in the unit of the bar."""

    def render(self, task: Task) -> Text:
        """Return the text beside a bar."""
        shown = decimal if task.fields["unit"] == "bytes" else "{:,}".format
        total = "" if task.total is None else f" / {shown(int(task.total))}"
        return Text(f"{shown(int(task.completed))}{total}")


command = click.Command(
    "upload",
    callback=_upload,
    help=_upload.__doc__,
    params=[
        click.Argument(["paths"], nargs=-1, required=True, type=click.Path(exists=True, path_type=Path)),
        click.Option(["repository", "--repository"], required=True, metavar="NAME_OR_ID", help="Repository to add to."),
        click.Option(
            ["path_prefix", "--path-prefix"],
            default="",
            metavar="PATH",
            help="Folder that the files are to lie in: a file by its name, what is below a folder by its path there.",
        ),
        click.Option(["skip", "--skip"], is_flag=True, help="Leave out what cannot be uploaded, and say so."),
        click.Option(
            ["parallel", "--parallel"],
            type=click.IntRange(1, 32),
            default=PARALLEL_UPLOADS,
            show_default=True,
            help="How many files are sent at a time.",
        ),
        watch_option(),
        output_option(),
        *server_options(),
    ],
)
