"""An upgrade without downtime: migrations add, until a release has passed."""

from __future__ import annotations

import pytest
from tortoise import fields
from tortoise.migrations import Migration
from tortoise.migrations import operations as ops

from tools import migration_rule

RELEASED = frozenset({"0.2.0"})


def migration(*operations: ops.Operation, unused_since: str | None = None) -> Migration:
    made = Migration("0004_example", "core")
    made.operations = list(operations)
    if unused_since:
        made.unused_since = unused_since  # type: ignore[attr-defined]  # as a migration's own class has it
    return made


@pytest.mark.parametrize("checked", migration_rule.load_migrations(), ids=lambda found: str(found.name))
def test_migration_is_survived_by_the_release_before(checked: Migration) -> None:
    assert migration_rule.violations(checked, migration_rule.releases()) == []


@pytest.mark.parametrize(
    "operation",
    [
        ops.DeleteModel("Task"),
        ops.RenameModel("Task", "Job"),
        ops.RemoveField("Task", "state"),
        ops.RenameField("Task", "state", "status"),
        ops.AlterField("Task", "state", fields.CharField(max_length=1)),
        ops.AddField("Task", "cost", fields.IntField()),
        ops.AddField("Task", "cost", fields.IntField(default=0)),
        ops.RunSQL("ALTER TABLE task DROP COLUMN state"),
        ops.RunSQL(["SELECT 1", ("DROP TABLE task", [])]),
        ops.RunSQL("ALTER TABLE task RENAME TO job"),
        ops.RunSQL("ALTER TABLE task ALTER COLUMN state SET NOT NULL"),
        ops.RunSQL("ALTER TABLE task ADD CONSTRAINT one CHECK (attempt < 4)"),
        ops.RunSQL("ALTER TABLE task ADD COLUMN cost INT NOT NULL"),
    ],
    ids=lambda operation: operation.describe(),
)
def test_what_old_code_would_not_survive_is_refused(operation: ops.Operation) -> None:
    assert len(migration_rule.violations(migration(operation), RELEASED)) >= 1


@pytest.mark.parametrize(
    "operation",
    [
        ops.CreateModel("Job", [("id", fields.IntField(primary_key=True))]),
        ops.AddField("Task", "cost", fields.IntField(null=True)),
        ops.AddField("Task", "cost", fields.IntField(db_default=0)),
        ops.RunSQL("CREATE INDEX task_cost ON task (cost)", "DROP TABLE task"),
        ops.RunSQL("DROP INDEX task_cost"),
        ops.RunSQL("ALTER TABLE task ADD COLUMN cost INT NOT NULL DEFAULT 0"),
    ],
    ids=lambda operation: operation.describe(),
)
def test_what_old_code_does_not_notice_is_fine(operation: ops.Operation) -> None:
    assert migration_rule.violations(migration(operation), RELEASED) == []


def test_what_a_released_version_stopped_using_may_go() -> None:
    removal = migration(ops.RemoveField("Task", "state"), unused_since="0.2.0")

    assert migration_rule.violations(removal, RELEASED) == []


def test_what_no_released_version_stopped_using_may_not_go() -> None:
    removal = migration(ops.RemoveField("Task", "state"), unused_since="0.3.0")

    assert migration_rule.violations(removal, RELEASED) == [
        "Remove field state from Task",
        "unused_since names 0.3.0, which is not released",
    ]
