"""What is written of a batch comes in one order, so that two syncs never lock each other out."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from headbox.kinds import ContentUnit, DeclaredArtifact, DeclaredContent
from headbox.models.database import Insert
from headbox.pipeline.batch import Batch, Unit, prepare
from headbox.pipeline.save import CONTENT, inserts_of
from headbox.plugins.file.kinds import FileContent
from tests.unit.kinds.test_documents import Crate

SHARED = ("content_artifact", "artifact_source")


def units_of(paths: Sequence[str]) -> list[Unit]:
    """Return eight units of two kinds, each with an artifact at each path."""
    contents: list[ContentUnit] = []
    for number in range(4):
        contents += [Crate(name=f"c{number}"), FileContent(relative_path=f"f{number}", sha256="ab" * 32, size=1)]
    declared = [DeclaredContent(content, [DeclaredArtifact(path, "u") for path in paths]) for content in contents]
    units = prepare(declared, (Crate, FileContent), max_bytes=10)
    return [unit for unit in units if isinstance(unit, Unit)]


def inserts(units: Sequence[Unit]) -> list[Insert]:
    return inserts_of(Batch(list(units)), UUID(int=1), UUID(int=2))


def test_artifacts_come_in_one_order_whatever_the_remote_declares_first() -> None:
    one, other = inserts(units_of("ab")), inserts(units_of("ba")[::-1])

    for first, second in zip(one, other, strict=True):
        if first.table in SHARED:
            assert [row[:2] for row in first.rows] == [row[:2] for row in second.rows]


def test_kinds_come_in_one_order_whichever_units_are_new() -> None:
    units = sorted(units_of("a"), key=lambda unit: unit.id)
    # The first unit that is left is of another kind each time.
    orders = {
        tuple(insert.constants["kind"] for insert in inserts(units[start:]) if insert.table == CONTENT)
        for start in range(len(units) - 1)
    }

    assert {order for order in orders if len(order) > 1} == {("crate.crate", "file.content")}
