"""Some content units on their way through the pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from headbox.errors import MetadataInvalid, TaskError, UnitConflict
from headbox.kinds import ContentUnit, DeclaredArtifact, DeclaredContent
from headbox.types import check_relative_path, check_sha256


class Unit(NamedTuple):
    """A content unit with what is derived from it once."""

    id: str
    slot: str
    content: ContentUnit
    artifacts: Sequence[DeclaredArtifact]

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
    """

    units: list[Unit]
    first_ordinal: int = 0
    known: dict[str, dict[str, str | None]] = field(default_factory=dict)
    digests: dict[tuple[str, str], tuple[str, int]] = field(default_factory=dict)
    stored: dict[str, int] = field(default_factory=dict)

    def contradictions(self) -> dict[str, tuple[TaskError, str]]:
        """Return the units that are declared with other bytes than they have, with the error and the path.

        A content unit is immutable: the same natural key is the same unit, whose bytes can't have changed.
        """
        found: dict[str, tuple[TaskError, str]] = {}
        for unit in self.units:
            known = self.known.get(unit.id)
            path = None if known is None else unit.contradicted_by(known)
            if path is not None:
                found[unit.id] = UnitConflict(what=path), path
        return found


def prepare(declared: DeclaredContent, kinds: tuple[type[ContentUnit], ...]) -> Unit:
    """Check what a plugin declared, and derive what the pipeline needs.

    Raises:
        MetadataInvalid: The remote made the plugin declare something that cannot be.
    """
    content = declared.unit
    if not isinstance(content, kinds):
        raise TypeError(f"{type(content).__name__} is no content of this repository")
    artifacts = declared.artifacts
    for artifact in artifacts:
        _check(artifact)
    if len(artifacts) > 1 and len({artifact.relative_path for artifact in artifacts}) < len(artifacts):
        raise MetadataInvalid(url=artifacts[0].url, reason="a unit has two artifacts at one path")
    return Unit(content.unit_id(), content.slot_id(), content, artifacts)


def _check(artifact: DeclaredArtifact) -> None:
    try:
        check_relative_path(artifact.relative_path)
        is_lower_case = artifact.sha256 is None or check_sha256(artifact.sha256) == artifact.sha256
    except ValueError as error:
        raise MetadataInvalid(url=artifact.url, reason=f"{artifact.relative_path!r}: {error}") from error
    if not is_lower_case:
        raise MetadataInvalid(url=artifact.url, reason="a SHA-256 digest is written in lower case")
    if artifact.size is not None and artifact.size < 0:
        raise MetadataInvalid(url=artifact.url, reason="a size is negative")
