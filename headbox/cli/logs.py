"""Logging: every line of the process, ours or a library's, through one formatter on stderr.

Lines are coloured text for people on a terminal, and JSON objects elsewhere, one a line, with at least `timestamp`,
`level`, `logger` and `event`; `correlation_id` where a request or a task is at work, and the `user` whose it is,
where one was named; and what a caller gave as `extra`.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any, TextIO
from urllib.parse import urlsplit

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from headbox.cli.printable import printable
from headbox.settings import LogSettings
from headbox.tasking import correlation, user
from headbox.tasking.redaction import masked

#: Libraries that say too much at INFO.
_QUIET = ("aiosqlite", "asyncio", "dramatiq", "tortoise", "tortoise.db_client", "websockets")


def configure(settings: LogSettings, stream: TextIO = sys.stderr) -> None:
    """Send all logging of this process to a stream."""
    as_text = settings.format == "text" or (settings.format == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(as_text=as_text, colors=stream.isatty()))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(capture=True)


def _formatter(*, as_text: bool, colors: bool) -> logging.Formatter:
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if as_text else "iso", utc=not as_text),
        structlog.stdlib.ExtraAdder(),
        _tell_request,
        _add_request,
    ]
    render: Processor = (
        structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)
        if as_text
        else structlog.processors.JSONRenderer(serializer=_json)
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            # The traceback becomes text before credentials are looked for.
            structlog.processors.format_exc_info,
            _mask,
            *([_show] if as_text else []),
            render,
        ],
        pass_foreign_args=True,
    )


def _json(value: Any, **_: Any) -> str:
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:
        # Half of a character, say: what strangers wrote must not keep a line out of the log.
        return json.dumps(value, default=str)


def _show(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Keep what strangers wrote from steering the terminal."""
    return {name: printable(value) if isinstance(value, str) else value for name, value in event.items()}


def _add_request(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Tell which request or task a line belongs to, and whose that is."""
    if correlation_id := correlation.current():
        event["correlation_id"] = correlation_id
    if name := user.current():
        event["user"] = name
    return event


def _tell_request(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Turn a line of uvicorn's access log into fields; the query string is left out, for it may hold what is secret."""
    arguments = event.pop("positional_args", ())
    # Uvicorn's own twin of its message, with escape sequences.
    event.pop("color_message", None)
    if event["logger"] == "uvicorn.access":
        client, method, target, _, status = arguments
        path = urlsplit(target).path
        event.update(event="request", method=method, path=path, status=status, client=client)
    return event


def _mask(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Take out credentials: in URLs, and in fields that are named for them."""
    return {name: masked(name, value) for name, value in event.items()}
