from tortoise import migrations
from tortoise.migrations import operations as ops

class Migration(migrations.Migration):
    dependencies = [('core', '0002_constraints')]

    initial = False

    operations = [
        ops.AlterModelOptions(
            name='ResourceQueue',
            options={'table': 'resource_queue', 'app': 'core', 'pk_attr': 'resource', 'table_description': 'The last number that was given out for a resource. Its row lock makes order of number order of commit.'},
        ),
    ]
