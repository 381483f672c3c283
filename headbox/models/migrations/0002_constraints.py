"""Indexes and constraints that the ORM cannot declare."""

from headbox.models.creation import Creation
from tortoise.migrations import operations as ops


class Migration(Creation):
    dependencies = [("core", "0001_initial")]

    operations = [
        # A deleted remote gives its name free, yet its revisions stay for as long as something needs them.
        ops.RunSQL(
            "CREATE UNIQUE INDEX remote_name_alive ON remote (name) WHERE deleted_at IS NULL",
            "DROP INDEX remote_name_alive",
        ),
        # What is current: at most one unit for each slot, and one open interval for each unit, for it has one slot.
        ops.RunSQL(
            "CREATE UNIQUE INDEX membership_current ON membership (repository_id, slot) WHERE removed_in IS NULL",
            "DROP INDEX membership_current",
        ),
        # What a version removed; what is current, which is most, is in no version's removals.
        ops.RunSQL(
            "CREATE INDEX membership_removed ON membership (repository_id, removed_in) WHERE removed_in IS NOT NULL",
            "DROP INDEX membership_removed",
        ),
        # The first exclusive claim of a resource bounds its head: nothing behind it can run.
        ops.RunSQL(
            "CREATE INDEX task_claim_exclusive ON task_claim (resource, sequence) WHERE exclusive",
            "DROP INDEX task_claim_exclusive",
        ),
        # Base paths never overlap. Every distribution has a row for its base path (a leaf) and for each folder above it
        # (no leaf); a path is one or the other, by the primary key that both refer to, and a leaf belongs to one distribution.
        ops.RunSQL(
            "CREATE TABLE base_path (path TEXT PRIMARY KEY, is_leaf BOOLEAN NOT NULL, UNIQUE (path, is_leaf))",
            "DROP TABLE base_path",
        ),
        ops.RunSQL(
            "CREATE TABLE distribution_base_path ("
            " distribution_id CHAR(36) NOT NULL, path TEXT NOT NULL, is_leaf BOOLEAN NOT NULL,"
            " PRIMARY KEY (distribution_id, path),"
            " FOREIGN KEY (path, is_leaf) REFERENCES base_path (path, is_leaf))",
            "DROP TABLE distribution_base_path",
        ),
        ops.RunSQL(
            "CREATE UNIQUE INDEX distribution_base_path_leaf ON distribution_base_path (path) WHERE is_leaf",
            "DROP INDEX distribution_base_path_leaf",
        ),
        ops.RunSQL(
            "CREATE INDEX distribution_base_path_path ON distribution_base_path (path)",
            "DROP INDEX distribution_base_path_path",
        ),
        # A purge finds what ended before a time.
        ops.RunSQL(
            "CREATE INDEX task_finished ON task (state, finished_at) WHERE finished_at IS NOT NULL",
            "DROP INDEX task_finished",
        ),
        # The figures of the queues are read from the index alone.
        ops.RunSQL(
            "CREATE INDEX task_unfinished ON task (state, kind, priority, created_at) WHERE finished_at IS NULL",
            "DROP INDEX task_unfinished",
        ),
        # The tasks of a user; where nobody is told of users, none are in it.
        ops.RunSQL(
            "CREATE INDEX task_requested_by ON task (requested_by, id) WHERE requested_by IS NOT NULL",
            "DROP INDEX task_requested_by",
        ),
        # Deleting a task looks for those that repeat it.
        ops.RunSQL(
            "CREATE INDEX task_repeats ON task (repeats_id) WHERE repeats_id IS NOT NULL",
            "DROP INDEX task_repeats",
        ),
        # Those that are not complete are counted whenever one is made.
        ops.RunSQL(
            "CREATE INDEX upload_open ON upload (client) WHERE completed_at IS NULL",
            "DROP INDEX upload_open",
        ),
        # The garbage collection goes on with what it has found unused.
        ops.RunSQL(
            "CREATE INDEX content_unused ON content (unused_since) WHERE unused_since IS NOT NULL",
            "DROP INDEX content_unused",
        ),
        ops.RunSQL(
            "CREATE INDEX artifact_unused ON artifact (unused_since) WHERE unused_since IS NOT NULL",
            "DROP INDEX artifact_unused",
        ),
        ops.RunSQL(
            "CREATE INDEX artifact_damaged ON artifact (sha256) WHERE damaged_at IS NOT NULL",
            "DROP INDEX artifact_damaged",
        ),
        # A distribution serves one publication at a time.
        ops.RunSQL(
            "CREATE UNIQUE INDEX distribution_history_open ON distribution_history (distribution_id)"
            " WHERE until IS NULL",
            "DROP INDEX distribution_history_open",
        ),
        # Few units have labels: those that do are all that a list by label looks at.
        ops.RunSQL(
            "CREATE INDEX content_labeled ON content (id) WHERE labels <> '{}'",
            "DROP INDEX content_labeled",
        ),
        # What is to be sent, of few webhooks and among many messages that were.
        ops.RunSQL(
            "CREATE INDEX webhook_delivery_waiting ON webhook_delivery (webhook_id, due_at, id)"
            " WHERE state = 'waiting' AND is_matched",
            "DROP INDEX webhook_delivery_waiting",
        ),
        ops.RunSQL(
            "CREATE INDEX webhook_delivery_unmatched ON webhook_delivery (webhook_id, id) WHERE NOT is_matched",
            "DROP INDEX webhook_delivery_unmatched",
        ),
        ops.RunSQL(
            "CREATE INDEX webhook_delivery_ended ON webhook_delivery (ended_at) WHERE ended_at IS NOT NULL",
            "DROP INDEX webhook_delivery_ended",
        ),
    ]
