"""The databases that are measured: SQLite, and a PostgreSQL of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.postgres import new_database, postgres_server

SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"
DATABASES = (SQLITE, POSTGRESQL)


@contextmanager
def database(name: str, folder: Path) -> Iterator[str]:
    """The address of an empty database of this kind."""
    if name == SQLITE:
        yield f"sqlite:///{folder}/watchfloor.sqlite3"
        return
    with postgres_server() as url:
        yield new_database(url, "watchfloor_bench")
