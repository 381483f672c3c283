"""`headbox content`."""

from __future__ import annotations

from pathlib import Path

import click

from headbox.cli.options import data_dir_option, host_option, port_option
from headbox.cli.processes.serving import serve_content
from headbox.cli.settings import load_settings
from headbox.cli.starting import run_process


def _content(host: str | None, port: int | None, data_dir: Path | None) -> None:
    """Serve what is distributed, one of as many processes as are needed.

    It shares the work with `headbox api` and `headbox worker` over PostgreSQL and Redis.
    """
    settings = load_settings(data_dir=data_dir, server={"host": host, "content_port": port})
    run_process(settings, serve_content)


command = click.Command(
    "content",
    callback=_content,
    help=_content.__doc__,
    params=[host_option(), port_option("HEADBOX_SERVER_CONTENT_PORT", 8641), data_dir_option()],
)
