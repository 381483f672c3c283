"""Profiles: servers by name, with the tokens for them, in the user's configuration folder."""

from __future__ import annotations

import fcntl
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import orjson

from headbox.client.errors import ProfileInvalid

#: Where `headbox serve` listens.
DEFAULT_SERVER = "http://127.0.0.1:8640"
#: Not HEADBOX_SERVER: the settings of servers read their section `server` from variables that begin so.
SERVER_VARIABLE = "HEADBOX_URL"
TOKEN_VARIABLE = "HEADBOX_TOKEN"  # noqa: S105 - the name of a variable

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Profile:
    """A server and the way to it.

    Attributes:
        url: Address of the server.
        token: Sent as `Authorization: Bearer`, or None.
        ca_file: Certificates to trust in place of the system's, or None.
    """

    url: str
    token: str | None = field(default=None, repr=False)
    ca_file: Path | None = None


@dataclass(slots=True)
class Profiles:
    """The profiles of a user; `save` writes what was changed.

    Attributes:
        path: The file that they are in.
        by_name: The profiles.
        current: Name of the one in use, or None.
    """

    path: Path
    by_name: dict[str, Profile] = field(default_factory=dict)
    current: str | None = None

    @classmethod
    def of_user(cls) -> Profiles:
        """Return the profiles of whoever runs this.

        Raises:
            ProfileInvalid: The file cannot be read, or others can read it.
        Source: XDG Base Directory Specification.
        """
        return cls.read(_path_of_user())

    @classmethod
    @contextmanager
    def changing(cls) -> Iterator[Profiles]:
        """Give the profiles of whoever runs this, and write what the block has changed of them.

        Another program that changes them waits for the end of the block, and then reads what was written.

        Raises:
            ProfileInvalid: The file cannot be read or written, or others can read it.
        """
        path = _path_of_user()
        with _locked(path.with_name(f"{path.name}.lock")):
            profiles = cls.read(path)
            yield profiles
            profiles.save()

    @classmethod
    def read(cls, path: Path) -> Profiles:
        """Return the profiles of a file; none where it does not exist.

        Raises:
            ProfileInvalid: The file cannot be read, or others can read it.
        """
        try:
            with path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                body = file.read()
        except FileNotFoundError:
            return cls(path)
        except OSError as error:
            raise ProfileInvalid(f"{path} cannot be read: {error.strerror}") from error
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ProfileInvalid(f"{path} holds tokens, and others can read it: run `chmod 600` on it")
        try:
            kept = orjson.loads(body)
            by_name = {name: _of(value) for name, value in kept["profiles"].items()}
            return cls(path, by_name, _text(kept["current"]))
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            raise ProfileInvalid(f"{path} is damaged: mend or delete it") from error

    def chosen(self, name: str | None = None) -> Profile:
        """Return a profile, or without a name the server that is in use.

        Whoever names a profile gets its server, whatever the environment says, which gives a token only where the
        profile has none. Without a name it is the server of the environment, else of the profile in use, else of this
        machine. The token of a profile goes to its own server only.

        Raises:
            ProfileInvalid: There is no such profile.
        """
        if name is not None:
            profile = self.named(name)
            return replace(profile, token=profile.token or os.environ.get(TOKEN_VARIABLE) or None)
        profile = Profile(DEFAULT_SERVER) if self.current is None else self.named(self.current)
        return self.at(profile, os.environ.get(SERVER_VARIABLE) or profile.url)

    @staticmethod
    def at(profile: Profile, url: str) -> Profile:
        """Return a profile at an address, with the token of the environment if there is one."""
        token = os.environ.get(TOKEN_VARIABLE) or (profile.token if url == profile.url else None)
        return Profile(url, token, profile.ca_file)

    def named(self, name: str) -> Profile:
        """Return a profile.

        Raises:
            ProfileInvalid: There is none of this name.
        """
        try:
            return self.by_name[name]
        except KeyError:
            known = ", ".join(sorted(self.by_name)) or "none"
            raise ProfileInvalid(f"there is no profile {name!r}; there are: {known}") from None

    def add(self, name: str, profile: Profile) -> None:
        """Add a profile, or put it in the place of the one of this name; the first one is in use.

        Raises:
            ProfileInvalid: The name is none.
        """
        if not _NAME.fullmatch(name):
            raise ProfileInvalid(f"{name!r} is no name for a profile: letters, digits, `.`, `_` and `-`, at most 64")
        self.by_name[name] = profile
        self.current = self.current or name

    def use(self, name: str) -> None:
        """Make a profile the one in use.

        Raises:
            ProfileInvalid: There is none of this name.
        """
        self.named(name)
        self.current = name

    def remove(self, name: str) -> None:
        """Remove a profile; none is in use any more if it was.

        Raises:
            ProfileInvalid: There is none of this name.
        """
        self.named(name)
        del self.by_name[name]
        self.current = None if self.current == name else self.current

    def save(self) -> None:
        """Write the file, which nobody else can read.

        Raises:
            ProfileInvalid: It cannot be written.
        """
        kept = {"current": self.current, "profiles": {name: _kept(value) for name, value in self.by_name.items()}}
        try:
            _make_folder(self.path)
            # It has the mode 0600 from the beginning, and a command that reads at this moment reads the old one.
            with NamedTemporaryFile(dir=self.path.parent, delete=False) as file:
                # It holds tokens: nothing of it stays where it cannot be written whole.
                try:
                    file.write(orjson.dumps(kept, option=orjson.OPT_INDENT_2))
                    file.flush()
                    Path(file.name).replace(self.path)
                except OSError:
                    Path(file.name).unlink()
                    raise
        except OSError as error:
            raise ProfileInvalid(f"{self.path} cannot be written: {error.strerror}") from error


def _path_of_user() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "headbox" / "profiles.json"


def _make_folder(path: Path) -> None:
    """Make the folder of a file, which nobody else can look into."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock for the time of the block; the file stays, for others may be waiting for it.

    Raises:
        ProfileInvalid: The file cannot be made.
    """
    try:
        _make_folder(path)
        # Open for writing: an exclusive lock needs it on NFS.
        file = path.open("w")
    except OSError as error:
        raise ProfileInvalid(f"{path} cannot be written: {error.strerror}") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _of(value: Mapping[str, Any]) -> Profile:
    url, ca_file = value["url"], _text(value.get("caFile"))
    if not isinstance(url, str):
        raise TypeError(url)
    return Profile(url, _text(value.get("token")), Path(ca_file) if ca_file else None)


def _text(value: object) -> str | None:
    """Return a text or nothing.

    Raises:
        TypeError: It is something else.
    """
    if value is None or isinstance(value, str):
        return value
    raise TypeError(value)


def _kept(profile: Profile) -> dict[str, Any]:
    ca_file = str(profile.ca_file) if profile.ca_file else None
    return {"url": profile.url, "token": profile.token, "caFile": ca_file}
