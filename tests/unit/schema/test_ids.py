"""Global ids."""

from __future__ import annotations

import base64
from uuid import UUID

import pytest

from headbox.errors import NotFound, WrongType
from headbox.kinds import Registry
from headbox.models import Distribution, Remote, Repository
from headbox.plugins.file.plugin import plugin
from headbox.resolvers.ids import GlobalId, NodeTypes

SOME = UUID("01a20439-3d8c-7d70-8bb7-e3a413847934")


def test_global_id_is_base64_of_type_and_id() -> None:
    text = str(GlobalId("FileRepository", SOME))

    assert base64.b64decode(text).decode() == f"FileRepository:{SOME}"
    assert GlobalId.parse(text) == GlobalId("FileRepository", SOME)


@pytest.mark.parametrize("text", ["", "é", "%%%", "RmlsZQ==", base64.b64encode(b"A:1").decode(), "\x00", "/w=="])
def test_anything_else_is_none(text: str) -> None:
    assert GlobalId.parse(text) is None


def test_ids_are_decoded_for_what_is_wanted() -> None:
    types = NodeTypes(Registry([plugin]))
    repository = str(GlobalId("FileRepository", SOME))

    assert types.decode(repository, Repository) == SOME
    assert types.decode(repository, Repository, kind="file.repository") == SOME
    assert types.decode(str(GlobalId("Distribution", SOME)), Distribution) == SOME
    with pytest.raises(WrongType, match="a FileRepository; a FileRemote is needed"):
        types.decode(repository, Remote, kind="file.remote")
    with pytest.raises(NotFound, match="no Remote"):
        types.decode("nonsense", Remote)
    with pytest.raises(NotFound):
        types.decode(str(GlobalId("NpmRepository", SOME)), Repository)


def test_rows_of_unknown_kinds_have_no_name() -> None:
    types = NodeTypes(Registry([plugin]))

    assert types.name_of(Repository(kind="file.repository")) == "FileRepository"
    assert types.name_of(Repository(kind="npm.repository")) is None
    assert types.name_of(Distribution()) == "Distribution"
    assert types.kinds_of(Repository) == ("file.repository",)
