from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connection

from metrics.backups import postgresql, sqlite
from metrics.backups.files import BackupFailed


class Command(BaseCommand):
    help = "Copy the database, as it is at one moment, into a file. Servers go on meanwhile."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="a file that is not there yet")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        database = postgresql if connection.vendor == "postgresql" else sqlite
        try:
            database.back_up(file)
        except BackupFailed as failure:
            raise CommandError(str(failure)) from None
        except DatabaseError as error:
            raise CommandError(f"The database cannot be used: {str(error).strip()}.") from None
        self.stdout.write(f"{file}: {file.stat().st_size} bytes. Whoever can read it can read everything.")
