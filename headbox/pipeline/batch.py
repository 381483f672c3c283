"""Some content units on their way through the pipeline."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic_core import PydanticSerializationError

from headbox.errors import MetadataInvalid, TaskError, TooLarge, UnitChanged
from headbox.kinds import ContentUnit, DeclaredArtifact, DeclaredContent
from headbox.types import are_relative_paths, are_sha256, check_relative_path, check_sha256, is_storable

#: A NUL as JSON writes it, which may also be what follows a backslash that is written as two.
_NUL = "\\u0000"
_find_nul = re.compile(r"(?<!\\)(?:\\\\)*\\u0000").search


class Unit(NamedTuple):
    """A content unit with what is derived from it once.

    Attributes:
        document: The content as JSON.
    """

    id: str
    slot: str
    content: ContentUnit
    document: str
    artifacts: Sequence[DeclaredArtifact]

    @classmethod
    def of(cls, content: ContentUnit, document: str, artifacts: Sequence[DeclaredArtifact]) -> Unit:
        """Return a content unit that can be stored."""
        return cls(content.unit_id(), content.slot_id(), content, document, artifacts)

    def contradicted_by(self, known: Mapping[str, str | None]) -> str | None:
        """Return a path at which the unit is declared with other bytes than it has, or None.

        Args:
            known: Relative path -> SHA-256, or None where it is not known: what the unit consists of.
        """
        for artifact in self.artifacts:
            path = artifact.relative_path
            if path not in known:
                return path
            if artifact.sha256 and known[path] and artifact.sha256 != known[path]:
                return path
        return None


@dataclass(slots=True)
class Batch:
    """Units that are looked up, downloaded and saved together.

    Attributes:
        units: What is left of it, in the order of their declaration; failed units are taken out.
        first_ordinal: Place of the first one in what the remote declares; the others follow it.
        known: Unit id -> relative path -> SHA-256 or None, of the units that the database has.
        digests: (unit id, relative path) -> SHA-256 and size, of artifacts whose bytes were fetched or found.
        stored: SHA-256 -> size of the artifacts whose bytes are stored, but not yet known to the database.
        failed_sources: (unit id, relative path) -> why the remote did not give an artifact that came from another one.
    """

    units: list[Unit]
    first_ordinal: int = 0
    known: dict[str, dict[str, str | None]] = field(default_factory=dict)
    digests: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    stored: dict[str, int] = field(default_factory=dict)
    failed_sources: dict[tuple[str, str], str] = field(default_factory=dict)

    def contradictions(self) -> dict[str, tuple[TaskError, str]]:
        """Return the units that are declared with other bytes than they have, with the error and the path.

        A content unit is immutable: the same natural key is the same unit, whose bytes can't have changed.
        """
        found: dict[str, tuple[TaskError, str]] = {}
        for unit in self.units:
            known = self.known.get(unit.id)
            path = None if known is None else unit.contradicted_by(known)
            if path is not None:
                found[unit.id] = UnitChanged(what=path), path
        return found


def prepare(
    declared: Sequence[DeclaredContent], kinds: tuple[type[ContentUnit], ...], *, max_bytes: int
) -> list[Unit | TaskError]:
    """Check what a plugin declared, and derive what the pipeline needs.

    Args:
        declared: Units with their artifacts.
        kinds: Kinds of content that the repository holds.
        max_bytes: Size of the largest artifact that is ever fetched.

    Returns:
        For each unit, in their order: itself, or what is wrong with it where the remote made the plugin declare
        something that cannot be.
    """
    for content, _ in declared:
        if not isinstance(content, kinds):
            raise TypeError(f"{type(content).__name__} is no content of this repository")
    # All at once, which takes a fraction of the time: hardly ever is one of them wrong.
    documents = _documents(declared)
    if documents is not None and _are_sane(declared, max_bytes):
        return [
            Unit.of(content, document, artifacts)
            for (content, artifacts), document in zip(declared, documents, strict=True)
        ]
    return [_prepare_one(content, artifacts, max_bytes) for content, artifacts in declared]


def _prepare_one(
    content: ContentUnit, artifacts: Sequence[DeclaredArtifact], max_bytes: int
) -> Unit | MetadataInvalid | TooLarge:
    for artifact in artifacts:
        if artifact.size is not None and artifact.size > max_bytes:
            return TooLarge(what=artifact.url, limit=f"{max_bytes} bytes")
        reason = _fault(artifact)
        if reason:
            return MetadataInvalid(url=artifact.url, reason=reason)
    shown = artifacts[0].url if artifacts else f"A {type(content).__name__}"
    if _has_two_at_one_path(artifacts):
        return MetadataInvalid(url=shown, reason="a unit has two artifacts at one path")
    document = _document(content)
    if document is None:
        return MetadataInvalid(url=shown, reason="a text holds a NUL, or half of a character")
    return Unit.of(content, document, artifacts)


def _documents(declared: Sequence[DeclaredContent]) -> list[str] | None:
    """Return the documents of units, or None where one of them may not be one that can be stored."""
    try:
        documents = [content.as_json() for content, _ in declared]
    except PydanticSerializationError:
        return None
    return None if any(_NUL in document for document in documents) else documents


def _document(content: ContentUnit) -> str | None:
    """Return the document of a unit, or None where it cannot be stored."""
    try:
        document = content.as_json()
    except PydanticSerializationError:
        return None
    return None if _find_nul(document) else document


def _are_sane(declared: Sequence[DeclaredContent], max_bytes: int) -> bool:
    artifacts = [artifact for _, of_unit in declared for artifact in of_unit]
    sizes = [artifact.size for artifact in artifacts if artifact.size is not None]
    return (
        are_relative_paths([artifact.relative_path for artifact in artifacts])
        and are_sha256([artifact.sha256 for artifact in artifacts if artifact.sha256 is not None])
        and (not sizes or 0 <= min(sizes) <= max(sizes) <= max_bytes)
        and is_storable("".join(artifact.url for artifact in artifacts))
        and not any(_has_two_at_one_path(of_unit) for _, of_unit in declared if len(of_unit) > 1)
    )


def _fault(artifact: DeclaredArtifact) -> str | None:
    """Return what is wrong with an artifact, or None."""
    try:
        check_relative_path(artifact.relative_path)
        is_lower_case = artifact.sha256 is None or check_sha256(artifact.sha256) == artifact.sha256
    except ValueError as error:
        return f"{artifact.relative_path!r}: {error}"
    if not is_lower_case:
        return "a SHA-256 digest is written in lower case"
    if artifact.size is not None and artifact.size < 0:
        return "a size is negative"
    if not is_storable(artifact.url):
        return "it is not a URL"
    return None


def _has_two_at_one_path(artifacts: Sequence[DeclaredArtifact]) -> bool:
    return len({artifact.relative_path for artifact in artifacts}) < len(artifacts)
