"""Connections to the database, and the few statements that the ORM has no words for."""

from headbox.models.database.checkpoints import checkpointed
from headbox.models.database.connection import Connection, Database, transaction
from headbox.models.database.failures import (
    TRANSIENT,
    CommitUnconfirmed,
    ConnectionLost,
    Contended,
    DatabaseAway,
    DatabaseFull,
    DatabaseUnusable,
    Transient,
    Unreachable,
    is_full,
    retrying,
    waiting_for_database,
)
from headbox.models.database.insert import Insert, insert_all, insert_new
from headbox.models.database.migrate import migrate, migrate_apart, pending_migrations
from headbox.models.database.moments import commits_durable, writers_ended
from headbox.models.database.search import create_search_indexes
from headbox.models.database.sessions import end_sessions, interrupt
from headbox.models.database.sole_use import in_use
from headbox.models.database.sql import (
    analyze,
    clock,
    delete_in_batches,
    execute,
    fetch,
    has_label,
    is_sqlite,
    joining_many,
    joining_sets,
    json_field,
    lock_name,
    lock_row,
    model_from,
    now,
    row_lock,
    row_of,
)
from headbox.models.database.sqlite import SQLITE_FILE

__all__ = [
    "SQLITE_FILE",
    "TRANSIENT",
    "CommitUnconfirmed",
    "Connection",
    "ConnectionLost",
    "Contended",
    "Database",
    "DatabaseAway",
    "DatabaseFull",
    "DatabaseUnusable",
    "Insert",
    "Transient",
    "Unreachable",
    "analyze",
    "checkpointed",
    "clock",
    "commits_durable",
    "create_search_indexes",
    "delete_in_batches",
    "end_sessions",
    "execute",
    "fetch",
    "has_label",
    "in_use",
    "insert_all",
    "insert_new",
    "interrupt",
    "is_full",
    "is_sqlite",
    "joining_many",
    "joining_sets",
    "json_field",
    "lock_name",
    "lock_row",
    "migrate",
    "migrate_apart",
    "model_from",
    "now",
    "pending_migrations",
    "retrying",
    "row_lock",
    "row_of",
    "transaction",
    "waiting_for_database",
    "writers_ended",
]
