from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connection

from metrics.backups import postgresql, sqlite
from metrics.backups.files import BackupFailed, free_lease, serving


class Command(BaseCommand):
    help = "Put a backup in the place of the database. What was there before is kept beside it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="what `manage.py backup` wrote")
        parser.add_argument("--force", action="store_true", help="although a server runs; restart it afterwards")

    def handle(self, *args: Any, file: Path, force: bool, **options: Any) -> None:
        if not force and (holder := serving()):
            raise CommandError(
                f"{holder} is running: stop all servers first (one that was killed counts for 15 s), or use --force."
            )
        database = postgresql if connection.vendor == "postgresql" else sqlite
        try:
            kept = database.restore(file)
            call_command("migrate", verbosity=0)
            free_lease()
        except BackupFailed as failure:
            raise CommandError(str(failure)) from None
        except DatabaseError as error:
            raise CommandError(f"The database cannot be used: {str(error).strip()}.") from None
        self.stdout.write(f"{file} is the database now.")
        if kept:
            kind = "schema" if connection.vendor == "postgresql" else "file"
            self.stdout.write(f"What was there before is the {kind} {kept}; delete it when all is well.")
