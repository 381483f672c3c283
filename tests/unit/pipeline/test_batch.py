"""What a plugin declares is checked before anything is done with it."""

from __future__ import annotations

import json

import pytest

from headbox.errors import MetadataInvalid, TooLarge, UnitChanged
from headbox.kinds import ContentUnit, DeclaredArtifact, DeclaredContent
from headbox.pipeline.batch import Batch, Unit, prepare
from headbox.plugins.file.kinds import FileContent
from tests.unit.kinds.test_documents import Crate

DIGEST = "ab" * 32
MAX_BYTES = 1000
FILE = FileContent(relative_path="a.txt", sha256=DIGEST, size=1)


def prepared(content: ContentUnit, *artifacts: DeclaredArtifact) -> Unit:
    [unit] = prepare([DeclaredContent(content, artifacts)], (type(content),), max_bytes=MAX_BYTES)
    assert isinstance(unit, Unit), unit
    return unit


def test_unit_carries_what_is_derived_from_it() -> None:
    unit = prepared(FILE, DeclaredArtifact("a.txt", "http://u/a.txt", DIGEST, 1))

    assert (unit.id, unit.slot) == (FILE.unit_id(), FILE.slot_id())


def test_unit_of_a_kind_that_the_repository_does_not_hold_is_a_bug_of_the_plugin() -> None:
    with pytest.raises(TypeError, match="Crate is no content of this repository"):
        prepare([DeclaredContent(Crate(name="a"))], (FileContent,), max_bytes=MAX_BYTES)


@pytest.mark.parametrize(
    "artifact",
    [
        DeclaredArtifact("../a", "u"),
        DeclaredArtifact("/a", "u"),
        DeclaredArtifact("", "u"),
        DeclaredArtifact("a\nb", "u"),
        DeclaredArtifact("a", "u", "short"),
        DeclaredArtifact("a", "u", DIGEST.upper()),
        DeclaredArtifact("a", "u", DIGEST, -1),
        DeclaredArtifact("a", "u", DIGEST, MAX_BYTES + 1),
        DeclaredArtifact("a", "u\0"),
        DeclaredArtifact("a", "\ud800"),
    ],
)
def test_artifact_that_cannot_be_is_the_fault_of_the_remote_and_harms_no_other(artifact: DeclaredArtifact) -> None:
    long = "/".join(["a" * 255, "b"])
    declared = [
        DeclaredContent(Crate(name="a"), (DeclaredArtifact("a", "u", DIGEST),)),
        DeclaredContent(Crate(name="b"), (artifact,)),
        DeclaredContent(Crate(name="c"), (DeclaredArtifact(long, "u"),)),
    ]

    first, second, third = prepare(declared, (Crate,), max_bytes=MAX_BYTES)

    assert isinstance(first, Unit)
    assert isinstance(second, MetadataInvalid | TooLarge)
    assert isinstance(third, Unit)


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "\\\0"])
def test_text_that_cannot_be_stored_is_the_fault_of_the_remote(name: str) -> None:
    [error, unit] = prepare(
        [DeclaredContent(Crate(name=name)), DeclaredContent(Crate(name="b"))], (Crate,), max_bytes=MAX_BYTES
    )

    assert str(error) == "A Crate cannot be read: a text holds a NUL, or half of a character."
    assert isinstance(unit, Unit)


def test_text_that_looks_like_an_escape_is_stored_as_it_is() -> None:
    unit = prepared(Crate(name="\\u0000"), DeclaredArtifact("a", "u"))

    assert Crate.read(json.loads(unit.document)).name == "\\u0000"


def test_unit_has_one_artifact_at_a_path() -> None:
    twice = (DeclaredArtifact("a", "u"), DeclaredArtifact("a", "v"))

    [error] = prepare([DeclaredContent(Crate(name="a"), twice)], (Crate,), max_bytes=MAX_BYTES)

    assert "two artifacts at one path" in str(error)


def test_unit_that_is_known_with_other_bytes_is_contradicted() -> None:
    unit = prepared(Crate(name="a"), DeclaredArtifact("a", "u", DIGEST))

    assert Batch([unit], known={unit.id: {"a": DIGEST}}).contradictions() == {}
    assert Batch([unit], known={unit.id: {"a": None}}).contradictions() == {}
    found = Batch([unit], known={unit.id: {"a": "cd" * 32}}).contradictions()
    assert [(type(error), path) for error, path in found.values()] == [(UnitChanged, "a")]


def test_known_unit_that_is_declared_with_one_more_file_is_contradicted() -> None:
    artifacts = (DeclaredArtifact("a", "u", DIGEST), DeclaredArtifact("b", "v"))
    unit = prepared(Crate(name="a"), *artifacts)

    found = Batch([unit], known={unit.id: {"a": DIGEST}}).contradictions()

    assert [path for _, path in found.values()] == ["b"]
