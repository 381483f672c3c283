"""Migrations that create tables."""

from __future__ import annotations

from tortoise import migrations
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state import State
from typing_extensions import override


class Creation(migrations.Migration):
    """A migration whose operations create, and ask for nothing that was there before them.

    Tortoise copies all models before each operation, for those that change one: most of what a first start would take.
    """

    @override
    async def apply(
        self,
        state: State,
        *,
        dry_run: bool = False,
        schema_editor: BaseSchemaEditor | None = None,
        collect_sql: bool = False,
    ) -> State:
        """See `Migration`."""
        if dry_run or collect_sql or schema_editor is None:
            return await super().apply(state, dry_run=dry_run, schema_editor=schema_editor, collect_sql=collect_sql)
        has_transactions = schema_editor.client.capabilities.supports_transactions
        for operation in self.operations:
            operation.state_forward(self.app_label, state)
            await self._run_database_forward(operation, state, state, schema_editor, has_transactions)
        state.validate_relations_initialized()
        return state
