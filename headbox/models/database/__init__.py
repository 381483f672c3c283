"""Connections to the database, and the few statements that the ORM has no words for."""

from headbox.models.database.connection import Connection, Database, transaction
from headbox.models.database.migrate import DatabaseUnusable, migrate, pending_migrations
from headbox.models.database.search import create_search_indexes
from headbox.models.database.sql import (
    delete_in_batches,
    execute,
    fetch,
    has_label,
    insert_new,
    is_sqlite,
    json_field,
    lock_row,
    model_from,
    now,
)

__all__ = [
    "Connection",
    "Database",
    "DatabaseUnusable",
    "create_search_indexes",
    "delete_in_batches",
    "execute",
    "fetch",
    "has_label",
    "insert_new",
    "is_sqlite",
    "json_field",
    "lock_row",
    "migrate",
    "model_from",
    "now",
    "pending_migrations",
    "transaction",
]
