"""Tell which migrations the release before would not survive.

While an installation is upgraded, processes of the old release run on the tables of the new one. So a migration adds;
what it takes away, renames or narrows must have been unused for a whole release, which the migration then names:

    class Migration(migrations.Migration):
        unused_since = "0.3.0"

`docs/operate/upgrade.md` says what the rule is for; a test keeps the migrations to it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from importlib import import_module
from pathlib import Path

from tortoise.fields.base import Field
from tortoise.migrations import Migration
from tortoise.migrations import operations as ops

import headbox.models.migrations
from tools.changelog import CHANGELOG

#: What old code does not notice, or only by being slower.
_HARMLESS = (
    ops.CreateModel,
    ops.AlterModelOptions,
    ops.AddIndex,
    ops.RemoveIndex,
    ops.RenameIndex,
    ops.RemoveConstraint,
    ops.RenameConstraint,
    ops.RunPython,
)
#: Words of SQL that take away, rename or narrow. An index may go.
_HARMFUL_SQL = re.compile(
    r"\b(DROP\s+(?!INDEX\b)\w+|RENAME|TRUNCATE|DELETE\s+FROM|ALTER\s+COLUMN|SET\s+NOT\s+NULL"
    r"|ADD\s+(CONSTRAINT|UNIQUE|CHECK|FOREIGN\s+KEY|PRIMARY\s+KEY))\b",
    re.IGNORECASE,
)
_NEW_COLUMN = re.compile(r"\bADD\s+COLUMN\b[^,;]*", re.IGNORECASE)
_RELEASE = re.compile(r"^## (\d+\.\d+\.\d+)\b", re.MULTILINE)


def load_migrations() -> list[Migration]:
    """Return the migrations of headbox, in the order of their names."""
    package = headbox.models.migrations
    names = sorted(path.stem for path in Path(package.__path__[0]).glob("[0-9]*.py"))
    return [import_module(f"{package.__name__}.{name}").Migration(name, "core") for name in names]


def releases() -> frozenset[str]:
    """Return the versions that were released, as the changelog tells."""
    return frozenset(_RELEASE.findall(CHANGELOG.read_text()))


def violations(migration: Migration, released: Collection[str]) -> list[str]:
    """Return what old code would not survive, in the order of the migration; empty when the rule is kept.

    Args:
        migration: What is looked at.
        released: Versions that were released; one of them, named by `unused_since`, permits everything.
    """
    unused_since = getattr(migration, "unused_since", None)
    if unused_since in released:
        return []
    found = [reason for operation in migration.operations for reason in _harm(operation)]
    if unused_since is not None:
        found.append(f"unused_since names {unused_since}, which is not released")
    return found


def _harm(operation: ops.Operation) -> Iterator[str]:
    """Yield what is wrong with one operation."""
    if isinstance(operation, ops.RunSQL):
        for statement in _statements(operation):
            yield from (f"{match[0]}: {statement}" for match in _HARMFUL_SQL.finditer(statement))
            for column in _NEW_COLUMN.findall(statement):
                if "NOT NULL" in column.upper() and "DEFAULT" not in column.upper():
                    yield f"old code leaves the column out: {statement}"
    elif isinstance(operation, ops.AddField):
        field = operation.field
        if isinstance(field, Field) and not (field.null or field.has_db_default()):
            yield f"{operation.describe()}: old code leaves it out, so it needs null=True or a db_default"
    elif not isinstance(operation, _HARMLESS):
        yield operation.describe()


def _statements(operation: ops.RunSQL) -> list[str]:
    sql = operation.sql
    items = [sql] if isinstance(sql, str) else sql
    return [item if isinstance(item, str) else item[0] for item in items]
