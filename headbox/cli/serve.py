"""`headbox serve`."""

from __future__ import annotations

from pathlib import Path

import click

from headbox.cli.options import data_dir_option, host_option, port_option
from headbox.cli.processes.serving import serve
from headbox.cli.settings import load_settings
from headbox.cli.starting import run_process


def _serve(host: str | None, port: int | None, data_dir: Path | None) -> None:
    """Run the server: API, content and a worker in one process.

    It keeps everything in the data folder, unless settings name a PostgreSQL database, a Redis or a bucket; may be
    killed at any moment, and goes on where it was at the next start. Every setting can be given as a variable
    HEADBOX_<SECTION>_<NAME>; these options override them.
    """
    settings = load_settings(data_dir=data_dir, server={"host": host, "port": port})
    run_process(settings, serve)


command = click.Command(
    "serve",
    callback=_serve,
    help=_serve.__doc__,
    params=[host_option(), port_option("HEADBOX_SERVER_PORT", 8640), data_dir_option()],
)
