"""`headbox migrate`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from headbox.cli.failures import ExitCode, Failure, UsageFailure
from headbox.cli.options import data_dir_option
from headbox.cli.settings import load_settings
from headbox.models.database import Database, DatabaseUnusable, migrate, pending_migrations


def _migrate(data_dir: Path | None, *, check: bool) -> None:
    """Bring the database up to this release. `headbox serve` does so at its start."""
    settings = load_settings(data_dir=data_dir)
    database = Database(settings.data_dir)
    if check and not database.path.exists():
        raise Failure(f"There is no database in {settings.data_dir}.", hint="Run `headbox migrate`.")
    _make_folder(settings.data_dir)
    try:
        pending = asyncio.run(pending_migrations(database))
    except DatabaseUnusable as error:
        raise Failure(f"{error}.", hint="Restore it from a backup, or name another folder with --data-dir.") from error
    if not pending:
        click.echo(f"{database.path} is up to date.")
    elif check:
        for name in pending:
            click.echo(f"pending  {name}")
        click.get_current_context().exit(ExitCode.FAILED)
    else:
        asyncio.run(migrate(database))
        for name in pending:
            click.echo(f"applied  {name}")


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageFailure(
            f"The data folder {path} cannot be used: {error.strerror}.", hint="Name another one with --data-dir."
        ) from error


command = click.Command(
    "migrate",
    callback=_migrate,
    help=_migrate.__doc__,
    params=[
        click.Option(
            ["check", "--check"], is_flag=True, help="Change nothing; end with 1 when a migration is pending."
        ),
        data_dir_option(),
    ],
)
