"""`headbox verify`."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import click

from headbox.cli.failures import ExitCode, Failure
from headbox.cli.options import data_dir_option
from headbox.cli.settings import load_settings
from headbox.errors import StorageUnavailable
from headbox.models.database import SQLITE_FILE, Database, DatabaseUnusable, pending_migrations
from headbox.services.artifact import ArtifactState, check_artifacts
from headbox.settings import Settings
from headbox.storage import ArtifactStorage, StorageUnusable, open_storage


def _verify(data_dir: Path | None, *, quick: bool) -> None:
    """Compare every stored artifact with its digest.

    Names those that are missing or damaged, and ends with 1 when there are any: to be run after a restore, and now and
    then. It changes nothing, and the server may run meanwhile.
    """
    settings = load_settings(data_dir=data_dir)
    database = Database.of(settings)
    if database.is_sqlite and not (settings.data_dir / SQLITE_FILE).exists():
        raise Failure(f"There is no database in {settings.data_dir}.", hint="Name another folder with --data-dir.")
    try:
        states = asyncio.run(_look(database, _storage(settings), reads=not quick))
    except DatabaseUnusable as error:
        raise Failure(f"{error}.", hint=error.hint) from error
    except StorageUnavailable as error:
        raise Failure(str(error), hint="Look at the storage and at the settings HEADBOX_STORAGE_*.") from error
    wrong = states[ArtifactState.MISSING] + states[ArtifactState.DAMAGED]
    compared = "sizes" if quick else "digests"
    click.echo(f"{states.total()} artifacts, {compared} compared: {wrong or 'none'} missing or damaged")
    if wrong:
        click.get_current_context().exit(ExitCode.FAILED)


async def _look(database: Database, storage: ArtifactStorage, *, reads: bool) -> Counter[ArtifactState]:
    """Print what is not as it should be, and return how many artifacts are how."""
    if pending := await pending_migrations(database):
        raise Failure(f"The database is older than this release: {', '.join(pending)}.", hint="Run `headbox migrate`.")
    states: Counter[ArtifactState] = Counter()
    async with database.connected():
        async for artifact in check_artifacts(database.connection, storage, reads=reads):
            states[artifact.state] += 1
            if artifact.state is not ArtifactState.WHOLE:
                click.echo(f"{artifact.state}  {artifact.sha256}  {artifact.size} bytes")
    return states


def _storage(settings: Settings) -> ArtifactStorage:
    try:
        return open_storage(settings)
    except StorageUnusable as error:
        raise Failure(f"{error}.", hint="Look at HEADBOX_STORAGE_URL.") from error


command = click.Command(
    "verify",
    callback=_verify,
    help=_verify.__doc__,
    params=[
        click.Option(["quick", "--quick"], is_flag=True, help="Compare sizes only, and read no bytes."),
        data_dir_option(),
    ],
)
