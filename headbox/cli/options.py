"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

DEFAULT_SERVER = "http://127.0.0.1:8640"
#: Not HEADBOX_SERVER: the settings read their section `server` from variables that begin so.
SERVER_VARIABLE = "HEADBOX_URL"

OutputFormat = Literal["table", "json"]


def server_option() -> click.Option:
    """Return the option that names the server to talk to."""
    return click.Option(
        ["server", "--server"],
        metavar="URL",
        envvar=SERVER_VARIABLE,
        default=DEFAULT_SERVER,
        show_default=True,
        show_envvar=True,
        help="Address of the server.",
    )


def output_option() -> click.Option:
    """Return the option that chooses between output for people and for programs."""
    return click.Option(
        ["output_format", "--output", "-o"],
        type=click.Choice(["table", "json"]),
        default="table",
        show_default=True,
        help="table for people, json for programs.",
    )


def data_dir_option() -> click.Option:
    """Return the option that names the data folder."""
    return click.Option(
        ["data_dir", "--data-dir"],
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder of the database, the artifacts and the keys.  [env var: HEADBOX_DATA_DIR]",
    )


def host_option() -> click.Option:
    """Return the option that names the address to listen on."""
    return click.Option(
        ["host", "--host"], help="Address to listen on.  [env var: HEADBOX_SERVER_HOST; default: 127.0.0.1]"
    )


def port_option(variable: str, default: int) -> click.Option:
    """Return the option that names the port to listen on."""
    return click.Option(
        ["port", "--port"],
        type=click.IntRange(0, 65535),
        help=f"Port to listen on; 0 takes a free one.  [env var: {variable}; default: {default}]",
    )
