"""`headbox serve`."""

from __future__ import annotations

from pathlib import Path

import click

from headbox.cli import logs, server
from headbox.cli.failures import UsageFailure
from headbox.cli.options import data_dir_option
from headbox.cli.plugins import checked_plugins
from headbox.cli.settings import load_settings


def _serve(host: str | None, port: int | None, data_dir: Path | None) -> None:
    """Run the server: API, content and a worker in one process.

    It keeps everything in the data folder, may be killed at any moment, and goes on where it was at the next start.
    Every setting can be given as a variable HEADBOX_<SECTION>_<NAME>; these options override them.
    """
    settings = load_settings(data_dir=data_dir, host=host, port=port)
    logs.configure(settings.log)
    try:
        with checked_plugins():
            exit_code = server.serve(settings)
    except server.StartRefused as refused:
        raise UsageFailure(str(refused), hint=refused.hint) from refused
    click.get_current_context().exit(exit_code)


command = click.Command(
    "serve",
    callback=_serve,
    help=_serve.__doc__,
    params=[
        click.Option(
            ["host", "--host"], help="Address to listen on.  [env var: HEADBOX_SERVER_HOST; default: 127.0.0.1]"
        ),
        click.Option(
            ["port", "--port"],
            type=click.IntRange(0, 65535),
            help="Port to listen on; 0 takes a free one.  [env var: HEADBOX_SERVER_PORT; default: 8640]",
        ),
        data_dir_option(),
    ],
)
