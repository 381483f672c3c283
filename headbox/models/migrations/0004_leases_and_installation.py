"""Leases of what one process at a time does, and the check of the key that credentials are encrypted with."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("core", "0003_schedules_and_logs")]

    operations = [
        ops.CreateModel(
            name='Lease',
            fields=[
                ('name', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('holder', fields.UUIDField()),
                ('expires_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'lease', 'app': 'core', 'pk_attr': 'name', 'table_description': 'A job that one process at a time does, until it stops renewing its lease.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Installation',
            fields=[
                ('id', fields.IntField(primary_key=True, unique=True, db_index=True, generated=False)),
                ('key_check', fields.TextField(unique=False)),
            ],
            options={'table': 'installation', 'app': 'core', 'pk_attr': 'id', 'table_description': 'What all processes of an installation must agree on.'},
            bases=['Model'],
        ),
    ]
