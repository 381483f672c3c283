"""The API that commands are derived from is kept, and never out of date."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from graphql import build_schema, introspection_from_schema

from headbox.cli.derived import installed
from headbox.cli.derived.installed import Api

API = Api(introspection_from_schema(build_schema("type Query { one: Int }")), {"FileSync": "file.sync"})


def test_what_is_kept_is_read_for_the_same_code_alone(tmp_path: Path) -> None:
    path = tmp_path / "below" / "api.json"
    assert installed._read(path, "a") is None

    installed._keep(path, "a", API)

    assert installed._read(path, "a") == API
    assert installed._read(path, "b") is None
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("kept", [b"", b"{}", b"[1]", b"\xff", orjson.dumps({"fingerprint": "a", "schema": ""})])
def test_what_cannot_be_read_is_as_if_it_were_not_there(tmp_path: Path, kept: bytes) -> None:
    path = tmp_path / "api.json"
    path.write_bytes(kept)

    assert installed._read(path, "a") is None


def test_where_nothing_can_be_kept_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    installed._keep(tmp_path / "file" / "api.json", "a", API)


def test_it_is_kept_in_the_cache_folder_of_the_user(cache_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert installed._path().parent == cache_home / "headbox"

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert installed._path().parent == Path("/home/somebody/.cache/headbox")


def test_the_fingerprint_follows_the_code_of_plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = installed._fingerprint()
    assert installed._fingerprint() == before

    information = tmp_path / "headbox_thing-1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: headbox-thing\nVersion: 1\n")
    (information / "entry_points.txt").write_text("[headbox.plugins]\nthing = headbox_thing:plugin\n")
    module = tmp_path / "headbox_thing.py"
    module.write_text("plugin = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    added = installed._fingerprint()
    module.write_text("plugin = 12\n")

    assert len({before, added, installed._fingerprint()}) == 3
