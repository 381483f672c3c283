"""Schedules, the logs of tasks, and what purges and statistics of the queues look things up by."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.migrations import operations as ops

from headbox.types import MissedRuns, ScheduleOutcome, uuid7


class Migration(migrations.Migration):
    dependencies = [("core", "0002_constraints")]

    operations = [
        ops.CreateModel(
            name='Schedule',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('name', fields.CharField(unique=True, max_length=255)),
                ('revision', fields.IntField(default=1)),
                ('labels', fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ('cron', fields.CharField(max_length=255)),
                ('time_zone', fields.CharField(max_length=64)),
                ('missed_runs', fields.CharEnumField(description='SKIP: skip\nRUN_ONCE: run_once', enum_type=MissedRuns, max_length=10)),
                ('enabled', fields.BooleanField(default=True)),
                ('task_kind', fields.CharField(max_length=100)),
                ('task_input', fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ('request', fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ('next_run_at', fields.DatetimeField(null=True, db_index=True, auto_now=False, auto_now_add=False)),
                ('last_run_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('last_outcome', fields.CharEnumField(null=True, description='CREATED: created\nOVERLAPPED: overlapped\nMISSED: missed\nFAILED: failed', enum_type=ScheduleOutcome, max_length=10)),
                ('last_error', fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads)),
                ('last_task', fields.ForeignKeyField('core.Task', source_field='last_task_id', null=True, db_index=True, db_constraint=True, to_field='id', related_name='schedules', on_delete=OnDelete.SET_NULL)),
            ],
            options={'table': 'schedule', 'app': 'core', 'pk_attr': 'id', 'table_description': 'A task to create whenever a cron expression says so.'},
            bases=['Row'],
        ),
        ops.CreateModel(
            name='TaskLogLine',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('task', fields.ForeignKeyField('core.Task', source_field='task_id', db_constraint=True, to_field='id', related_name='log_lines', on_delete=OnDelete.CASCADE)),
                ('number', fields.BigIntField()),
                ('attempt', fields.IntField()),
                ('logged_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('level', fields.CharField(max_length=10)),
                ('logger', fields.CharField(max_length=255)),
                ('message', fields.TextField(unique=False)),
                ('extra', fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
            ],
            options={'table': 'task_log_line', 'app': 'core', 'unique_together': (('task', 'number'),), 'pk_attr': 'id', 'table_description': "A line of a task's log. The oldest ones go when there are too many."},
            bases=['Model'],
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
        # Deleting a task looks for those that repeat it.
        ops.RunSQL(
            "CREATE INDEX task_repeats ON task (repeats_id) WHERE repeats_id IS NOT NULL",
            "DROP INDEX task_repeats",
        ),
    ]
