"""`headbox content`: serves content; and the commands of the noun, such as `headbox content list`."""

from __future__ import annotations

from pathlib import Path

import click

from headbox.cli.noun_process import NounProcess
from headbox.cli.options import data_dir_option, host_option, port_option
from headbox.cli.settings import load_settings


def _content(host: str | None, port: int | None, data_dir: Path | None) -> None:
    """Serve what is distributed, one of as many processes as are needed.

    It shares the work with `headbox api` and `headbox worker` over PostgreSQL and Redis. Without one of the commands
    below, content is served.
    """
    if click.get_current_context().invoked_subcommand is not None:
        return
    from headbox.cli.processes.serving import serve_content  # noqa: PLC0415 - it imports all that serves
    from headbox.cli.starting import run_process  # noqa: PLC0415

    settings = load_settings(data_dir=data_dir, server={"host": host, "content_port": port})
    run_process(settings, serve_content)


command = NounProcess(
    "content",
    callback=_content,
    help=_content.__doc__,
    invoke_without_command=True,
    params=[host_option(), port_option("HEADBOX_SERVER_CONTENT_PORT", 8641), data_dir_option()],
)
