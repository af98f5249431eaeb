"""The tables of samples and roll-ups as each database keeps them best, which the ORM cannot say.

SQLite: WITHOUT ROWID, so that a series' samples lie side by side, once. PostgreSQL: samples in a partition per day, so
that a day is forgotten at once. SQLite's file learns to give space back.
"""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models, transaction

from live.clock import now_ms
from metrics.series import partitions

SAMPLE = "series_id bigint NOT NULL, ts bigint NOT NULL, value {real} NOT NULL, PRIMARY KEY (series_id, ts)"
ROLLUP = """
    series_id bigint NOT NULL REFERENCES metrics_series (id) DEFERRABLE INITIALLY DEFERRED,
    res smallint unsigned NOT NULL CHECK (res >= 0), t bigint NOT NULL, n integer NOT NULL,
    "sum" real NOT NULL, "min" real NOT NULL, "max" real NOT NULL, "first" real NOT NULL, "last" real NOT NULL,
    last_ts bigint NOT NULL, inc real NOT NULL, PRIMARY KEY (series_id, res, t)
"""


def make(apps: Any, schema_editor: Any) -> None:
    connection = schema_editor.connection
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            _remake(cursor, "metrics_sample", SAMPLE.format(real="double precision"), "PARTITION BY RANGE (ts)", _days)
        else:
            _remake(cursor, "metrics_sample", SAMPLE.format(real="real"), "WITHOUT ROWID")
            _remake(cursor, "metrics_rollup", ROLLUP, "WITHOUT ROWID")
        # The shorter buckets are computed from samples that are rolled up already.
        cursor.execute(
            "UPDATE metrics_series SET dirty_to = last_ts,"
            " dirty_from = (SELECT MIN(ts) FROM metrics_sample s WHERE s.series_id = metrics_series.id)"
        )


def unmake(apps: Any, schema_editor: Any) -> None:
    connection = schema_editor.connection
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            _remake(cursor, "metrics_sample", SAMPLE.format(real="double precision"), "")
        else:
            _remake(cursor, "metrics_sample", SAMPLE.format(real="real"), "")
            _remake(cursor, "metrics_rollup", ROLLUP, "")


def _remake(cursor: Any, table: str, columns: str, options: str, then: Any = lambda cursor: None) -> None:
    cursor.execute(f"CREATE TEMPORARY TABLE old_rows AS SELECT * FROM {table}")  # noqa: S608
    cursor.execute(f"DROP TABLE {table}")
    cursor.execute(f"CREATE TABLE {table} ({columns}) {options}")
    then(cursor)
    names = ", ".join(f'"{column[0]}"' for column in _described(cursor))
    cursor.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM old_rows")  # noqa: S608
    cursor.execute("DROP TABLE old_rows")


def _described(cursor: Any) -> Any:
    cursor.execute("SELECT * FROM old_rows LIMIT 0")
    return cursor.description


def _days(cursor: Any) -> None:
    cursor.execute("CREATE TABLE metrics_sample_default PARTITION OF metrics_sample DEFAULT")
    partitions.make_days(cursor, partitions.needed(now_ms()))


def give_space_back(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "sqlite":
        with schema_editor.connection.cursor() as cursor:
            cursor.execute("PRAGMA auto_vacuum = INCREMENTAL")
            # The setting takes effect when the file is written anew.
            cursor.execute("VACUUM")


class Migration(migrations.Migration):
    atomic = False  # VACUUM runs outside of transactions.
    dependencies = [("metrics", "0005_feeds")]

    operations = [
        migrations.CreateModel(
            name="LateHour",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "series", "t", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("t", models.BigIntegerField()),
                (
                    "series",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="late_hours",
                        to="metrics.series",
                    ),
                ),
            ],
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(make, unmake)],
            state_operations=[
                migrations.AlterField(
                    model_name="sample",
                    name="series",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="samples",
                        to="metrics.series",
                    ),
                ),
            ],
        ),
        migrations.RunPython(give_space_back, migrations.RunPython.noop),
    ]
