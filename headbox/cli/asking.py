"""Asking a server from a command: one client for its time, and failures in place of exceptions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from headbox.cli.failures import Failure, UnreachableFailure
from headbox.cli.printable import printable
from headbox.client import (
    Client,
    ClientError,
    MutationRefused,
    NotAuthorized,
    NotHeadbox,
    Profile,
    ServerUnreachable,
    UserError,
    VersionMismatch,
)
from headbox.client.profiles import SERVER_VARIABLE, TOKEN_VARIABLE

T = TypeVar("T")


def ask(server: Profile, work: Callable[[Client], Awaitable[T]]) -> T:
    """Do something with a client of a server, and return what came of it.

    Raises:
        UnreachableFailure: The server cannot be reached, or is no headbox.
        Failure: It refused.
    """

    async def run() -> T:
        async with Client(server.url, token=server.token, ca_file=server.ca_file) as client:
            return await work(client)

    try:
        return asyncio.run(run())
    except ClientError as error:
        raise failure_of(error) from error


def tell_lost(reason: str) -> None:
    """Tell on stderr that a server that is followed is away."""
    click.echo(f"{printable(reason)}; trying again", err=True)


def failure_of(error: ClientError) -> Failure:
    """Return how a command ends because of what went wrong between it and the server."""
    match error:
        case ServerUnreachable() | NotHeadbox():
            hint = f"Is `headbox serve` running? --server, --profile or {SERVER_VARIABLE} names another address."
            return UnreachableFailure(f"{error}.", hint=hint)
        case NotAuthorized():
            return Failure(f"{error}.", hint=f"`headbox profile add` or {TOKEN_VARIABLE} gives another token.")
        case VersionMismatch():
            return Failure(str(error), hint="Use the command line of the server's version.")
        case MutationRefused():
            hints = dict.fromkeys(refused.hint for refused in error.errors if refused.hint)
            return Failure("\n       ".join(map(_line, error.errors)), hint=" ".join(hints) or None)
        case _:
            return Failure(str(error))


def _line(error: UserError) -> str:
    """Return a failure with the field at fault in brackets."""
    return f"{error.message} ({error.field})" if error.field else error.message
