"""SQLite writes ahead: readers never wait for the writer.

Set once, here: setting it with each connection can itself be locked. The mode is kept in the file.
"""

from django.db import migrations


def set_mode(mode):
    def run(apps, schema_editor):
        if schema_editor.connection.vendor == "sqlite":
            with schema_editor.connection.cursor() as cursor:
                cursor.execute(f"PRAGMA journal_mode={mode}")

    return run


class Migration(migrations.Migration):
    atomic = False  # The mode cannot be changed inside a transaction.
    dependencies = [("live", "0002_roles_and_general_room")]

    operations = [migrations.RunPython(set_mode("WAL"), set_mode("DELETE"))]
