"""Uploads."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from headbox.types import uuid7


class Migration(migrations.Migration):
    dependencies = [("core", "0004_leases_and_installation")]

    operations = [
        ops.CreateModel(
            name='Upload',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid7, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('size', fields.BigIntField()),
                ('received', fields.BigIntField(default=0)),
                ('sha256', fields.CharField(null=True, max_length=64)),
                ('filename', fields.CharField(null=True, max_length=255)),
                ('metadata', fields.TextField(null=True, unique=False)),
                ('client', fields.CharField(max_length=64)),
                ('expires_at', fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False)),
                ('completed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'upload', 'app': 'core', 'pk_attr': 'id', 'table_description': 'Bytes that a client brings. Until all of them are here, they are in a file of the folder of uploads.'},
            bases=['Row'],
        ),
        # Those that are not complete are counted whenever one is made.
        ops.RunSQL(
            "CREATE INDEX upload_open ON upload (client) WHERE completed_at IS NULL",
            "DROP INDEX upload_open",
        ),
    ]
