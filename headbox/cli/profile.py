"""`headbox profile`: servers by name, kept in the user's configuration folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from headbox.cli.failures import UsageFailure
from headbox.cli.options import OutputFormat, output_option
from headbox.cli.output import print_data, print_rows
from headbox.client.connection import Connection
from headbox.client.errors import ClientError, ServerUnreachable
from headbox.client.profiles import SERVER_VARIABLE, TOKEN_VARIABLE, Profile, Profiles


@contextmanager
def _failing() -> Iterator[None]:
    """Let the block end as a failure where the profiles cannot be used."""
    try:
        yield
    except ClientError as error:
        raise UsageFailure(f"{error}.") from error


def _add(name: str, url: str, ca_file: Path | None, *, with_token: bool) -> None:
    """Add a profile, or replace the one of this name. The first profile is the one in use.

    The server has no accounts yet: a token is for a proxy in front of it, and sent as Authorization: Bearer.
    """
    with _failing():
        token = _read_token() if with_token else None
        try:
            Connection(url, token=token, ca_file=ca_file)
        except ServerUnreachable as error:
            raise UsageFailure(f"{error}.", hint="An address begins with http:// or https://.") from error
        with Profiles.changing() as profiles:
            profiles.add(name, Profile(url, token, ca_file and ca_file.absolute()))


def _read_token() -> str:
    """Return a token from the terminal, where it is not shown, or from standard input."""
    text = click.prompt("Token", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline()
    return str(text).strip()


def _list(output_format: OutputFormat) -> None:
    """List the profiles. Tokens are not shown."""
    with _failing():
        profiles = Profiles.of_user()
        rows = [
            {
                "name": name,
                "url": Connection(profile.url, token=None, ca_file=None).server,
                "hasToken": profile.token is not None,
                "caFile": profile.ca_file and str(profile.ca_file),
                "inUse": name == profiles.current,
            }
            for name, profile in sorted(profiles.by_name.items())
        ]
    if output_format == "table":
        print_rows(rows)
    else:
        print_data(rows, output_format)


def _use(name: str) -> None:
    """Make a profile the one in use."""
    with _failing(), Profiles.changing() as profiles:
        profiles.use(name)


def _remove(name: str) -> None:
    """Remove a profile and its token."""
    with _failing(), Profiles.changing() as profiles:
        profiles.remove(name)


command = click.Group(
    "profile",
    help="Servers by name: their addresses and tokens, in $XDG_CONFIG_HOME/headbox/profiles.json, which only you can"
    " read. A command takes the profile that --profile names, else the one in use;"
    f" {SERVER_VARIABLE} and {TOKEN_VARIABLE} win over that one.",
    commands=[
        click.Command(
            "add",
            callback=_add,
            help=_add.__doc__,
            params=[
                click.Argument(["name"]),
                click.Option(["url", "--url"], required=True, help="Address of the server."),
                click.Option(
                    ["with_token", "--with-token"],
                    is_flag=True,
                    help="Ask for a token, or read it from standard input: on a command line others could see it.",
                ),
                click.Option(
                    ["ca_file", "--ca-file"],
                    type=click.Path(exists=True, dir_okay=False, path_type=Path),
                    help="Certificates to trust in place of the system's, in PEM format.",
                ),
            ],
        ),
        click.Command("list", callback=_list, help=_list.__doc__, params=[output_option()]),
        click.Command("use", callback=_use, help=_use.__doc__, params=[click.Argument(["name"])]),
        click.Command("remove", callback=_remove, help=_remove.__doc__, params=[click.Argument(["name"])]),
    ],
)
