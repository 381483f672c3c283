"""`headbox api`."""

from __future__ import annotations

from pathlib import Path

import click

from headbox.cli.options import data_dir_option, host_option, port_option
from headbox.cli.processes.serving import serve_api
from headbox.cli.settings import load_settings
from headbox.cli.starting import run_process


def _api(host: str | None, port: int | None, data_dir: Path | None) -> None:
    """Run the GraphQL API, one of as many processes as are needed.

    It shares the work with `headbox content` and `headbox worker` over PostgreSQL and Redis, and runs no tasks itself.
    """
    settings = load_settings(data_dir=data_dir, server={"host": host, "port": port})
    run_process(settings, serve_api)


command = click.Command(
    "api",
    callback=_api,
    help=_api.__doc__,
    params=[host_option(), port_option("HEADBOX_SERVER_PORT", 8640), data_dir_option()],
)
