"""The `headbox` command."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

import click

from headbox import __version__
from headbox.cli.failures import ExitCode, Failure, UsageFailure
from headbox.cli.lazy import LazyCommand, LazyGroup

#: Where plugins are found. `headbox.kinds` has the same name, but importing it would take most of a second.
_ENTRY_POINT_GROUP = "headbox.plugins"
#: The file descriptor of standard output.
_STDOUT = 1
#: Why the output cannot be written: the disk or the quota is full, the file too long, the device gone.
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})

#: The nouns of the core, in the order of the help. Their commands are derived from the GraphQL schema.
CORE_NOUNS = {
    "repository": "Repositories of all kinds.",
    "repository-version": "Repository versions: what was in a repository.",
    "version-deletion": "Deletions of versions: see what one would come to.",
    "artifact": "Artifacts: stored bytes, what consists of them and where they are served.",
    "remote": "Remotes: where to sync from.",
    "publication": "Publications: what clients read of one version.",
    "distribution": "Distributions: where repositories are served.",
    "task": "Tasks: watch, cancel, repeat and purge them, and read their logs.",
    "garbage-collection": "Garbage collections: delete what nothing needs any more.",
    "repair": "Repairs: look at stored bytes, and get those that are wrong again.",
    "reclaim": "Reclaims: free the space of what remotes can give again.",
    "sync-plan": "Plans of syncs that are kept, to be applied.",
    "queue-stats": "Queues: how long tasks wait.",
    "task-throughput": "Throughput: how many tasks ended in each of the last minutes.",
    "storage-stats": "Storage: how much is kept, and how much of it nothing needs.",
    "task-group": "Task groups: tasks that were created together.",
    "open-upload": "Open uploads: addresses that any tus client can send bytes to.",
    "schedule": "Schedules: tasks that are created again and again.",
    "webhook": "Webhooks: whom to tell what happens.",
    "webhook-delivery": "Deliveries of webhooks: what they were told, and what they answered.",
    "task-type": "Task types: what the plugins can do.",
    "content-type": "Content types: what the plugins' repositories hold.",
}


def _module(name: str, help_text: str) -> LazyCommand:
    """Return a command that is written in a module of its own."""

    def load() -> click.Command:
        command: click.Command = import_module(f"headbox.cli.{name}").command
        return command

    return LazyCommand(load, help_text)


def _derived(noun: str, help_text: str) -> LazyCommand:
    """Return the group of a plugin or a noun."""

    def load() -> click.Command:
        group: click.Group = import_module("headbox.cli.derived").group(noun, help_text)
        return group

    return LazyCommand(load, help_text)


@cache
def _plugins() -> list[str]:
    """Return the names of the installed plugins, without importing one."""
    return sorted({entry.name for entry in entry_points(group=_ENTRY_POINT_GROUP)})


class _Headbox(LazyGroup):
    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command line; one whose output finds no room ends like any that fails."""
        try:
            return super().main(*args, **kwargs)
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            # What is left in the buffer would fail once more at the end of the process.
            os.dup2(os.open(os.devnull, os.O_WRONLY), _STDOUT)
            with suppress(OSError):
                Failure(f"{error.filename or 'The output'} cannot be written: {error.strerror}.").show()
            sys.exit(ExitCode.FAILED)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; Ctrl-C ends each of them alike, also at a question."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort):
            click.echo(err=True)
            ctx.exit(ExitCode.INTERRUPTED)

    def sections(self) -> Mapping[str, Mapping[str, LazyCommand]]:
        return {
            "Run a server": {
                "serve": _module("serve", "Run the server: API, content and a worker in one process."),
                "api": _module("api", "Run the API, as one of several processes."),
                "content": _module(
                    "content", "Serve content, as one of several processes; list content, and label it."
                ),
                "worker": _module("worker", "Run tasks, as one of several processes; list the workers that do."),
                "migrate": _module("migrate", "Bring the database up to this release."),
                "verify": _module("verify", "Compare stored artifacts with their digests."),
                "schema": _module("schema", "Print the GraphQL schema."),
            },
            "Talk to a server": {
                "status": _module("status", "Show how the server is doing."),
                "completion": _module("completion", "Print what makes a shell complete commands and names."),
                "profile": _module("profile", "Keep servers by name, with their tokens."),
                "upload": _module("uploading.command", "Upload files and folders, and add them to a repository."),
                "apply": _module("applying.command", "Bring the server to what a file says, after a look at the plan."),
                "search": _module("search", "Find anything by the beginning of a name, a path or a digest."),
                **{noun: _derived(noun, text) for noun, text in CORE_NOUNS.items()},
            },
            "Plugins": {name: _derived(name, f"What the plugin {name} brings.") for name in _plugins()},
        }

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, and say which plugins there are when it is none."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            plugins = ", ".join(_plugins()) or "none"
            raise UsageFailure(
                f"There is no command {args[0]!r}.",
                hint=f"See `headbox --help`. Plugins bring their own commands; installed: {plugins}.",
            ) from error


@click.command(
    cls=_Headbox,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Each command has its own --help. Exit codes: 0 done, 1 failed or refused, 2 wrong command line, "
    "3 server not reached, 4 task canceled, 5 changes pending.",
)
@click.version_option(__version__, prog_name="headbox", message="%(prog)s %(version)s")
def main() -> None:
    """Mirror, version, publish and serve software packages."""
