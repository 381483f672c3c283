"""`headbox migrate`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click
from tortoise.exceptions import BaseORMException

from headbox.cli.failures import ExitCode, Failure, UsageFailure
from headbox.cli.options import data_dir_option
from headbox.cli.plugins import checked_plugins
from headbox.cli.settings import load_settings
from headbox.kinds import Registry
from headbox.models.cipher import Cipher, KeyUnusable
from headbox.models.database import SQLITE_FILE, Database, DatabaseUnusable, migrate, pending_migrations
from headbox.services.installation import renew_key
from headbox.settings import Settings


def _migrate(data_dir: Path | None, *, check: bool, new_key: bool) -> None:
    """Bring the database up to this release. `headbox serve` does so at its start."""
    settings = load_settings(data_dir=data_dir)
    database = Database.of(settings)
    if database.is_sqlite:
        if check and not (settings.data_dir / SQLITE_FILE).exists():
            raise Failure(f"There is no database in {settings.data_dir}.", hint="Run `headbox migrate`.")
        _make_folder(settings.data_dir)
    try:
        pending = asyncio.run(pending_migrations(database) if check else _apply(database))
    except DatabaseUnusable as error:
        raise Failure(f"{error}.", hint=error.hint) from error
    except BaseORMException as error:
        hint = "What was applied stays. Let this user create tables, or end what is in the way, and run it again."
        raise Failure(f"{database.name} cannot be migrated: {error}.", hint=hint) from error
    for name in pending:
        click.echo(f"{'pending' if check else 'applied'}  {name}")
    if new_key and not check:
        lost = asyncio.run(_renew_key(settings, database))
        click.echo(f"The key is taken for the right one. {lost} revisions of remotes have lost their credentials.")
    if not pending:
        click.echo(f"{database.name} is up to date.")
    elif check:
        click.get_current_context().exit(ExitCode.FAILED)


async def _apply(database: Database) -> list[str]:
    """Apply what is pending, and return it. Indexes are brought up to the plugins even where nothing is."""
    pending = await pending_migrations(database)
    with checked_plugins():
        await migrate(database, Registry.installed().searched_fields())
    return pending


async def _renew_key(settings: Settings, database: Database) -> int:
    try:
        cipher = Cipher.of(settings)
    except KeyUnusable as error:
        raise UsageFailure(f"{error}.", hint="Set a key, or delete the file: a new one is made then.") from error
    async with database.connected():
        return await renew_key(database.connection, cipher)


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
        click.Option(
            ["new_key", "--new-key"],
            is_flag=True,
            help="Take the secret key that is set now for the right one, because the one before is lost; the"
            " credentials of all remotes and the secrets of all webhooks are lost with it.",
        ),
        data_dir_option(),
    ],
)
