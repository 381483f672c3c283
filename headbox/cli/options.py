"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

import click

from headbox.cli.failures import UsageFailure
from headbox.client.errors import ProfileInvalid
from headbox.client.profiles import DEFAULT_SERVER, SERVER_VARIABLE, Profile, Profiles

OutputFormat = Literal["table", "json", "yaml"]

#: Where the context of a command keeps the name that `--profile` gave.
_PROFILE = "headbox.profile"


def server_options() -> list[click.Option]:
    """Return the options that name the server to talk to: the command gets a `Profile` as `server`."""
    server = click.Option(
        ["server", "--server"],
        metavar="URL",
        callback=_server,
        help=f"Address of the server.  [env var: {SERVER_VARIABLE}; default: that of the profile in use, else"
        f" {DEFAULT_SERVER}]",
    )
    profile = click.Option(
        ["profile", "--profile"],
        metavar="NAME",
        is_eager=True,
        expose_value=False,
        callback=_remember_profile,
        help=f"Profile of the server, see `headbox profile --help`; wins over {SERVER_VARIABLE}.",
    )
    return [server, profile]


def _remember_profile(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    ctx.meta[_PROFILE] = value


def _server(ctx: click.Context, _: click.Parameter, value: str | None) -> Profile:
    """Return the server: that of --server, else of --profile, else of the environment, else of the profile in use.

    Raises:
        UsageFailure: There is no such profile, or the profiles cannot be read.
    """
    try:
        profiles = Profiles.of_user()
        chosen = profiles.chosen(ctx.meta.get(_PROFILE))
    except ProfileInvalid as error:
        raise UsageFailure(f"{error}.", hint="See `headbox profile --help`.") from error
    return chosen if value is None else profiles.at(chosen, value)


def output_option() -> click.Option:
    """Return the option that chooses between output for people and for programs."""
    return click.Option(
        ["output_format", "--output", "-o"],
        type=click.Choice(get_args(OutputFormat)),
        default="table",
        show_default=True,
        help="table for people, json and yaml for programs.",
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
