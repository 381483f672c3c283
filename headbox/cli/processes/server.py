"""A web server within a process that does other things too: where it listens, and how it ends."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette

from headbox.cli.processes.refusal import StartRefused
from headbox.settings import Settings

#: How long one thread keeps the interpreter while another one waits for it, in seconds; Python's default is five
#: times as long.
SWITCH_SECONDS = 0.001

log = logging.getLogger(__name__)


def tune_interpreter() -> None:
    """Suit Python to a process that answers requests in one thread while it parses in another."""
    # A thread that parses keeps the others waiting for as long as this, every time that one of them wants to go on.
    sys.setswitchinterval(SWITCH_SECONDS)
    # The collector looks at what the process makes, and not again and again at what it consists of.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def check_address(host: str) -> None:
    """Refuse to be reached from elsewhere for as long as nobody has to log in.

    Raises:
        StartRefused: The address is no loopback address.
    """
    try:
        is_loopback = host == "localhost" or ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise StartRefused(
            f"headbox does not listen on {host} while there are no accounts",
            "Listen on 127.0.0.1, and put a proxy that asks for credentials in front.",
        )


@contextmanager
def listening(host: str, port: int, option: str = "--port") -> Iterator[socket.socket]:
    """Take the port before anything is begun that would have to be ended again.

    Args:
        host: A loopback address.
        port: The port; 0 takes a free one.
        option: Names another port, for people.

    Raises:
        StartRefused: The address may not or cannot be listened on.
    """
    check_address(host)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening_socket:
        listening_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening_socket.bind((host, port))
            listening_socket.listen()
        except OSError as error:
            raise StartRefused(
                f"{host}:{port} cannot be listened on: {error.strerror}",
                f"Stop what listens there, or name another port with {option}.",
            ) from error
        yield listening_socket


class Server(uvicorn.Server):
    """Uvicorn with signals that let other parts of the process end too, and with long answers ended when it stops.

    Args:
        app: What it serves.
        settings: How long it may take to end, and how much a client may send.
        on_stop: What else begins to end when it does.
        signals: What ends it.
        has_access_log: Whether requests are logged.
    """

    def __init__(
        self,
        app: Starlette,
        settings: Settings,
        *,
        on_stop: Sequence[Callable[[], None]] = (),
        signals: Sequence[signal.Signals] = (signal.SIGTERM, signal.SIGINT),
        has_access_log: bool = True,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                ws="websockets-sansio",
                ws_max_size=settings.graphql.max_body_bytes,
                # Compression of small messages costs 100 KB for each connection and a third more time.
                ws_per_message_deflate=False,
                lifespan="on",
                log_config=None,
                access_log=has_access_log,
                server_header=False,
                timeout_graceful_shutdown=max(1, int(settings.server.shutdown_seconds / 2)),
            )
        )
        self._on_stop = on_stop
        self._signals = signals

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals on the event loop: uvicorn's own way raises them again at its end, which kills the rest."""
        loop = asyncio.get_running_loop()
        for number in self._signals:
            loop.add_signal_handler(number, self.stop)
        yield

    async def run_at(self, taken: socket.socket, lost: asyncio.Event) -> None:
        """Serve until told to stop.

        Args:
            taken: Where to listen.
            lost: Set when the process may go on no longer: another one has the database.

        Raises:
            StartRefused: That came to be.
        """

        async def end() -> None:
            await lost.wait()
            self.stop()

        ending = asyncio.create_task(end())
        try:
            await self.serve([taken])
        finally:
            ending.cancel()
        if lost.is_set():
            raise StartRefused(
                "another headbox serve has taken the database, while the connection to it was lost",
                "Let one of them run.",
            )

    def stop(self) -> None:
        """Begin to end: no new requests, no endless answers, no running tasks; at the second time, at once."""
        self.force_exit = self.should_exit
        self.should_exit = True
        for begin_to_stop in self._on_stop:
            begin_to_stop()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Say where the server listens as soon as it does."""
        await super().startup(sockets)
        for server in self.servers:
            for bound in server.sockets:
                host, port = bound.getsockname()[:2]
                log.info("listening", extra={"url": f"http://{host}:{port}/"})
