"""Giving pages that nothing uses any more back to the disk. Only SQLite keeps them otherwise."""

from __future__ import annotations

from typing import Any

from django.db import connection

SHARE = 0.1
"""Of the file's pages may be spare: the next samples will take them."""
LEAST = 1_000
AT_ONCE = 256
"""Pages in one step, each 4 KiB: moving them holds the lock for some milliseconds."""


def give_back() -> bool:
    """Give some spare pages back, where there are many; whether there were."""
    if connection.vendor != "sqlite":
        return False
    with connection.cursor() as cursor:
        spare, pages = _number(cursor, "freelist_count"), _number(cursor, "page_count")
        if not _number(cursor, "auto_vacuum") or spare <= max(LEAST, SHARE * pages):
            return False
        # One by one: it moves a page each time it is stepped, and Python steps what has no columns only once.
        for _ in range(AT_ONCE):
            cursor.execute("PRAGMA incremental_vacuum(1)")
        return True


def _number(cursor: Any, pragma: str) -> int:
    return cursor.execute(f"PRAGMA {pragma}").fetchone()[0]
