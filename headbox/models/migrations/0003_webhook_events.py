"""Triggers that write down what webhooks are told: in the transaction that makes it so, whoever made it.

No code has to remember to tell; a task's states are written by single statements, and none of them becomes slower:
without a webhook, a trigger looks into an empty table. What it writes are columns as they are; the words of a message
are made when it is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tortoise import migrations
from tortoise.migrations import operations as ops


@dataclass(frozen=True)
class Source:
    """Rows that events are changes of.

    Attributes:
        table: Their table.
        document: What is told of one, by name, as expressions of the row (NEW) and what is joined.
        repository: The repository that it is about.
        joins: What else is read.
        json: Names of what is JSON itself.
        is_task: Whether filters on tasks are for it.
    """

    table: str
    document: Mapping[str, str]
    repository: str
    joins: str
    json: frozenset[str] = frozenset()
    is_task: bool = False


@dataclass(frozen=True)
class Told:
    """An event that a change of a row is.

    Attributes:
        event: Its name.
        source: Of what rows.
        change: INSERT, or UPDATE OF columns.
        when: The condition that the change is the event, of OLD and NEW.
    """

    event: str
    source: Source
    change: str
    when: str = "1 = 1"

    @property
    def name(self) -> str:
        """Name of the trigger."""
        return f"webhook_{self.event.replace('.', '_')}"


_TASK_COLUMNS = (
    "id", "kind", "state", "priority", "labels", "attempt", "correlation_id", "requested_by", "created_at",
    "started_at", "finished_at", "error", "created_resources", "repository_id", "group_id", "worker_id",
)  # fmt: skip
_TASK = Source(
    table="task",
    document={
        **{name: f"NEW.{name}" for name in _TASK_COLUMNS},
        "repository_kind": "repository.kind",
        "repository_name": "repository.name",
    },
    repository="NEW.repository_id",
    joins="LEFT JOIN repository ON repository.id = NEW.repository_id",
    json=frozenset({"labels", "error", "created_resources"}),
    is_task=True,
)
_VERSION = Source(
    table="repository_version",
    document={
        "repository_id": "repository.id",
        "repository_kind": "repository.kind",
        "repository_name": "repository.name",
        "version_id": "NEW.id",
        "version_number": "NEW.number",
        "present": "NEW.present",
        "added": "NEW.added",
        "removed": "NEW.removed",
        "size": "NEW.size",
    },
    repository="NEW.repository_id",
    joins="JOIN repository ON repository.id = NEW.repository_id",
)
_PUBLICATION = Source(
    table="publication",
    document={
        "repository_id": "repository.id",
        "repository_kind": "repository.kind",
        "repository_name": "repository.name",
        "version_id": "version.id",
        "version_number": "version.number",
        "id": "NEW.id",
        "distributable": "NEW.distributable",
    },
    repository="repository.id",
    joins="JOIN repository_version version ON version.id = NEW.repository_version_id"
    " JOIN repository ON repository.id = version.repository_id",
)
_DISTRIBUTION = Source(
    # A row of this table is that something else is served.
    table="distribution_history",
    document={
        "repository_id": "NEW.repository_id",
        "repository_kind": "repository.kind",
        "repository_name": "NEW.repository_name",
        "version_id": "NEW.version_id",
        "version_number": "NEW.version_number",
        "publication_id": "NEW.publication_id",
        "id": "NEW.distribution_id",
        "name": "NEW.distribution_name",
        "base_path": "NEW.base_path",
    },
    repository="NEW.repository_id",
    joins="LEFT JOIN repository ON repository.id = NEW.repository_id",
)

EVENTS = (
    Told("task.created", _TASK, "INSERT"),
    Told("task.started", _TASK, "UPDATE OF state", "NEW.state = 'running' AND OLD.state = 'waiting'"),
    # Not by its state: a task that waits is canceled before its end is written.
    Told(
        "task.finished", _TASK, "UPDATE OF finished_at", "NEW.finished_at IS NOT NULL AND OLD.finished_at IS NULL"
    ),
    # The first version is empty, and comes with its repository.
    Told("repository_version.created", _VERSION, "INSERT", "NEW.number > 0"),
    Told("publication.created", _PUBLICATION, "INSERT"),
    Told(
        "publication.released", _PUBLICATION, "UPDATE OF distributable", "NEW.distributable AND NOT OLD.distributable"
    ),
    Told("distribution.updated", _DISTRIBUTION, "INSERT"),
)


def _insert(told: Told, words: Mapping[str, str]) -> str:
    """Return the statement that writes an event down for each webhook that is told of it."""
    source = told.source
    pairs = ", ".join(
        f"'{name}', {words['json'].format(value) if name in source.json else value}"
        for name, value in source.document.items()
    )
    is_matched = "webhook.task_condition IS NULL" if source.is_task else words["true"]
    return (
        "INSERT INTO webhook_delivery (webhook_id, message_id, event, document, created_at, is_matched, state, attempt,"
        " due_at, attempts)"
        f" SELECT webhook.id, {words['message_id']}, '{told.event}', {words['object']}({pairs}), {words['now']},"
        f" {is_matched}, 'waiting', 0, {words['now']}, '[]' FROM webhook {source.joins}"
        f" WHERE webhook.state <> 'disabled' AND {words['has'].format(told.event)}"
        f" AND (webhook.repository_id IS NULL OR webhook.repository_id = {source.repository})"
    )


_SQLITE = {
    "object": "json_object",
    "json": "json({})",
    "true": "1",
    # As the ORM writes times.
    "now": "strftime('%Y-%m-%d %H:%M:%f', 'now') || '000+00:00'",
    "message_id": "'msg_' || lower(hex(randomblob(16)))",
    "has": "EXISTS (SELECT 1 FROM json_each(webhook.events) WHERE value = '{}')",
}
_POSTGRES = {
    "object": "jsonb_build_object",
    "json": "{}",
    "true": "TRUE",
    "now": "clock_timestamp()",
    "message_id": "'msg_' || replace(gen_random_uuid()::text, '-', '')",
    "has": "webhook.events @> '[\"{}\"]'",
}


def _sqlite(told: Told) -> str:
    return (
        f"CREATE TRIGGER {told.name} AFTER {told.change} ON {told.source.table} FOR EACH ROW WHEN {told.when}"
        f" BEGIN {_insert(told, _SQLITE)}; END"
    )


def _postgres(told: Told) -> str:
    # The condition within the function: a trigger that names columns would keep their types from being changed. And a
    # look at the table first: to begin the statement takes longer than all the rest.
    return (
        f"CREATE FUNCTION {told.name}() RETURNS trigger LANGUAGE plpgsql AS $$"
        f" BEGIN IF {told.when} THEN IF EXISTS (SELECT FROM webhook) THEN {_insert(told, _POSTGRES)}; END IF; END IF;"
        " RETURN NULL; END $$;"
        f" CREATE TRIGGER {told.name} AFTER {told.change.partition(' ')[0]} ON {told.source.table} FOR EACH ROW"
        f" EXECUTE FUNCTION {told.name}()"
    )


async def create(_: Any, editor: Any) -> None:
    """Create the triggers."""
    make = _sqlite if editor.client.capabilities.dialect == "sqlite" else _postgres
    for told in EVENTS:
        await editor.client.execute_script(make(told))


async def drop(_: Any, editor: Any) -> None:
    """Drop the triggers."""
    is_sqlite = editor.client.capabilities.dialect == "sqlite"
    for told in EVENTS:
        on = "" if is_sqlite else f" ON {told.source.table}"
        await editor.client.execute_script(f"DROP TRIGGER {told.name}{on}")
        if not is_sqlite:
            await editor.client.execute_script(f"DROP FUNCTION {told.name}()")


class Migration(migrations.Migration):
    dependencies = [("core", "0002_constraints")]

    operations = [ops.RunPython(create, drop)]
