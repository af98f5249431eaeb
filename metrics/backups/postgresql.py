"""PostgreSQL: its own tools, pg_dump and pg_restore, which know how it keeps things."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import psycopg
from django.db import DatabaseError, connection

from metrics.backups.files import BackupFailed, check_migrations, check_readable, stamp, whole_file

PLAIN = ["--no-owner", "--no-privileges"]
"""Whoever restores owns it."""


def back_up(path: Path) -> None:
    """Dump the database as it is at one moment. Raises BackupFailed."""
    with whole_file(path) as part:
        _run("pg_dump", "--format=custom", *PLAIN, f"--schema={_schema()}", f"--file={part}")
        _run("pg_restore", "--list", str(part))


def restore(path: Path) -> str | None:
    """Put the dump in the place of the tables; the schema that the ones before went to, if there were any.

    Raises BackupFailed; then the tables are as they were.
    """
    check_readable(path)
    _run("pg_restore", "--list", str(path))
    schema, aside = _schema(), f"before_{stamp().lower()}"
    had_tables = bool(connection.introspection.table_names())
    _execute(f'ALTER SCHEMA "{schema}" RENAME TO "{aside}"', f'CREATE SCHEMA "{schema}"')
    try:
        connected_to = str(connection.settings_dict["NAME"])
        _run(
            "pg_restore", "--single-transaction", "--exit-on-error", *PLAIN, f"--schema={schema}",
            f"--dbname={connected_to}", str(path),
        )  # fmt: skip
        check_migrations(path, _applied())
    except BackupFailed:
        _execute(f'DROP SCHEMA "{schema}" CASCADE', f'ALTER SCHEMA "{aside}" RENAME TO "{schema}"')
        raise
    if had_tables:
        return aside
    _execute(f'DROP SCHEMA "{aside}" CASCADE')
    return None


def _run(program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs on our database. Raises BackupFailed with what it says."""
    found = shutil.which(program)
    if not found:
        raise BackupFailed(
            f"{program} is missing: install the client programs of PostgreSQL (Debian: apt-get install "
            "postgresql-client), no older than the server."
        )
    done = subprocess.run([found, *arguments], env=_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise BackupFailed(f"{program} failed: {done.stderr.strip() or done.returncode}")


def _environment() -> dict[str, str]:
    """How to connect, as the variables of libpq: arguments would show the password in the list of processes."""
    options = psycopg.pq.Conninfo.get_defaults()
    variables = {one.keyword.decode(): one.envvar.decode() for one in options if one.envvar}
    asked = connection.get_connection_params()
    return os.environ | {
        variables[name]: str(value) for name, value in asked.items() if name in variables and value not in (None, "")
    }


def _schema() -> str:
    return _asked("SELECT current_schema()")[0][0]


def _applied() -> set[tuple[str, str]]:
    try:
        return set(_asked("SELECT app, name FROM django_migrations"))
    except DatabaseError:
        return set()


def _asked(sql: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def _execute(*statements: str) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute(";".join(statements))
    except DatabaseError as error:
        raise BackupFailed(f"{str(error).strip()}. The role needs to own the database.") from None
