"""The API of headbox and the installed plugins, kept from one command to the next.

To make it, all of headbox and its libraries must be imported, which takes seconds; to read what was kept takes none. It
is made anew when any file of the code has changed.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from tempfile import NamedTemporaryFile

import orjson
from graphql import GraphQLSchema, IntrospectionQuery, build_client_schema

#: Where plugins are found; `headbox.kinds` has the same name, but must not be imported for it.
_ENTRY_POINT_GROUP = "headbox.plugins"


@dataclass(frozen=True, slots=True)
class Api:
    """What commands are derived from.

    Attributes:
        schema: The schema as introspection tells it: a third of the time to read that its definition would take.
        kinds: The kinds that plugins declare, such as "file.sync", by the names of their types.
    """

    schema: IntrospectionQuery
    kinds: dict[str, str]


@cache
def installed_api() -> tuple[GraphQLSchema, dict[str, str]]:
    """Return the schema of the installed plugins, and the declared kinds by the names of their types.

    Raises:
        UsageFailure: A plugin declares what cannot be.
    """
    fingerprint, path = _fingerprint(), _path()
    api = _read(path, fingerprint)
    if api is None:
        made: Api = import_module("headbox.cli.derived.make").make_api()
        _keep(path, fingerprint, made)
        api = made
    return build_client_schema(api.schema, assume_valid=True), api.kinds


def _path() -> Path:
    """Return the file to keep it in: one for each environment that headbox is installed in.

    Source: XDG Base Directory Specification.
    """
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "headbox" / f"api-{hashlib.sha256(sys.prefix.encode()).hexdigest()[:16]}.json"


def _fingerprint() -> str:
    """Return a text that is another one as soon as the code of headbox or of a plugin is."""
    entries = sorted((entry.name, entry.value) for entry in entry_points(group=_ENTRY_POINT_GROUP))
    packages = {"headbox", *(value.partition(":")[0].partition(".")[0] for _, value in entries)}
    digest = hashlib.sha256(repr(entries).encode())
    for file in sorted(file for package in packages for file in _files(package)):
        status = file.stat()
        digest.update(f"{file}\0{status.st_mtime_ns}\0{status.st_size}\0".encode())
    return digest.hexdigest()


def _files(package: str) -> Iterator[Path]:
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        yield from Path(folder).rglob("*.py")
    if spec and spec.origin and not spec.submodule_search_locations:
        yield Path(spec.origin)


def _read(path: Path, fingerprint: str) -> Api | None:
    """Return what was kept, or None when there is nothing or it is of other code."""
    try:
        kept = orjson.loads(path.read_bytes())
        return Api(kept["schema"], kept["kinds"]) if kept["fingerprint"] == fingerprint else None
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        return None


def _keep(path: Path, fingerprint: str, api: Api) -> None:
    """Keep it, where that is possible: a home folder may be read-only, or not there."""
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Another command may read it at the same moment.
        with NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(orjson.dumps({"fingerprint": fingerprint, **asdict(api)}))
        Path(file.name).replace(path)
