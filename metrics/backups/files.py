"""What backups of either database have in common: a file that is there whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from django.db import DatabaseError, connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.models.functions import Now

from metrics.sources.models import Lease

FOREIGN = "is not a backup of Watchfloor"


class BackupFailed(Exception):
    """A sentence for the person at the terminal."""


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A place to write to; it becomes `path` when all went well. Nobody else may read it: it holds everything."""
    if path.exists():
        raise BackupFailed(f"{path} is there already: name another file, or delete it first.")
    part = path.with_name(f"{path.name}.part-{os.getpid()}")
    try:
        part.touch(mode=0o600)
        yield part
        part.replace(path)
    except OSError as error:
        raise BackupFailed(f"{path} cannot be written: {error.strerror}.") from None
    finally:
        part.unlink(missing_ok=True)


def check_readable(path: Path) -> None:
    """Raises BackupFailed."""
    try:
        path.open("rb").close()
    except OSError as error:
        raise BackupFailed(f"{path} cannot be read: {error.strerror}.") from None


def check_migrations(path: Path, applied: set[tuple[str, str]]) -> None:
    """Refuse what is no backup of ours, and what a newer Watchfloor made. Raises BackupFailed."""
    ours = {app for app, _name in applied}
    if not {"live", "metrics"} <= ours:
        raise BackupFailed(f"{path} {FOREIGN}.")
    known = MigrationLoader(None).disk_migrations.keys()
    newer = sorted(f"{app}.{name}" for app, name in applied if app in ("live", "metrics") and (app, name) not in known)
    if newer:
        raise BackupFailed(f"{path} was made by a newer Watchfloor: {newer[0]} is not known here. Update first.")


def serving() -> str | None:
    """The process that holds the lease of the collector now; None where nobody does, or nothing is set up yet."""
    try:
        with transaction.atomic():
            return Lease.objects.filter(expires_at__gt=Now()).values_list("holder", flat=True).first()
    except DatabaseError:
        return None
    finally:
        connection.close()


def free_lease() -> None:
    """Whoever held the lease when the backup was made is not waited for."""
    Lease.objects.update(expires_at=Now())


def stamp() -> str:
    """The time as part of a name."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
