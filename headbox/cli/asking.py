"""Asking a server from a command: one client for its time, and failures in place of exceptions."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

from headbox.cli.client import Client, OperationRefused, ServerUnreachable
from headbox.cli.failures import ExitCode, Failure, UnreachableFailure
from headbox.cli.options import SERVER_VARIABLE

T = TypeVar("T")


def ask(server: str, work: Callable[[Client], Awaitable[T]]) -> T:
    """Do something with a client of a server, and return what came of it.

    Raises:
        UnreachableFailure: The server cannot be reached.
        Failure: It refused.
    """

    async def run() -> T:
        async with Client.connected(server) as client:
            return await work(client)

    try:
        return asyncio.run(run())
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    except ServerUnreachable as error:
        hint = f"Is `headbox serve` running? --server or {SERVER_VARIABLE} names another address."
        raise UnreachableFailure(f"{error}.", hint=hint) from error
    except OperationRefused as error:
        raise Failure(str(error)) from error
