"""SQLite: its online backup copies the file while others write to it."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from pathlib import Path

from django.db import connection

from metrics.backups.files import FOREIGN, BackupFailed, check_migrations, check_readable, stamp, whole_file

SIDE_FILES = ("-wal", "-shm")


def back_up(path: Path) -> None:
    """Copy the database as it is at one moment. Raises BackupFailed."""
    source = _location()
    if not source.exists():
        raise BackupFailed(f"{source} is not there: nothing has been stored yet.")
    with whole_file(path) as part:
        with _opened(source) as original, contextlib.closing(sqlite3.connect(part)) as copy:
            # In one go: a copy in steps begins anew whenever somebody writes. In WAL mode a reader holds up nobody.
            original.backup(copy, pages=-1)
            # One file, which needs no others beside it.
            copy.execute("PRAGMA journal_mode=DELETE")
        _check(part)


def restore(path: Path) -> Path | None:
    """Put the copy in the place of the database; where the one before went, if there was one. Raises BackupFailed."""
    check_readable(path)
    check_migrations(path, _check(path))
    target = _location()
    connection.close()
    new = target.with_name(f"{target.name}.new")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, new)
        with contextlib.closing(sqlite3.connect(new)) as database:
            database.execute("PRAGMA journal_mode=WAL")
        kept = _keep(target) if target.exists() else None
        new.replace(target)
    except OSError as error:
        raise BackupFailed(f"{target} cannot be written: {error.strerror}.") from None
    finally:
        new.unlink(missing_ok=True)
    return kept


def _location() -> Path:
    return Path(connection.settings_dict["NAME"])


def _keep(target: Path) -> Path:
    """Move the database aside, with what its write-ahead log still holds."""
    kept = target.with_name(f"{target.name}.before-{stamp()}")
    with contextlib.closing(sqlite3.connect(target)) as database, contextlib.suppress(sqlite3.OperationalError):
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for suffix in ("", *SIDE_FILES):
        with contextlib.suppress(FileNotFoundError):
            target.with_name(target.name + suffix).rename(kept.with_name(kept.name + suffix))
    return kept


def _check(path: Path) -> set[tuple[str, str]]:
    """The migrations of a file whose every page is right. Raises BackupFailed."""
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
        ) as database:
            fault = database.execute("PRAGMA integrity_check(1)").fetchone()[0]
            if fault != "ok":
                raise BackupFailed(f"{path} is damaged: {fault}.")
            return set(database.execute("SELECT app, name FROM django_migrations"))
    except sqlite3.DatabaseError as error:
        raise BackupFailed(f"{path} {FOREIGN}: {error}.") from None


def _opened(path: Path, **more: int) -> contextlib.closing[sqlite3.Connection]:
    options = "".join(f"&{name}={value}" for name, value in more.items())
    return contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro{options}", uri=True))
