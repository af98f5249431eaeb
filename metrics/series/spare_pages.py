"""Giving pages that nothing uses any more back to the disk. Only SQLite keeps them otherwise."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from django.db import connection

SHARE = 0.1
"""Of the file's pages may be spare: the next samples will take them."""
LEAST = 1_000
AT_ONCE = 256
"""Pages in one step at most, each 4 KiB: those that were moved are written again with the commit."""


def give_back(ends: float) -> bool:
    """Give spare pages back, where there are many, until `perf_counter` is at `ends`; whether there were."""
    if connection.vendor != "sqlite":
        return False
    with connection.cursor() as cursor:
        spare, pages = _number(cursor, "freelist_count"), _number(cursor, "page_count")
        if not _number(cursor, "auto_vacuum") or spare <= max(LEAST, SHARE * pages):
            return False
        # One by one: it moves a page each time it is stepped, and Python steps what has no columns only once.
        for _ in range(AT_ONCE):
            cursor.execute("PRAGMA incremental_vacuum(1)")
            if perf_counter() >= ends:
                break
        return True


def _number(cursor: Any, pragma: str) -> int:
    return cursor.execute(f"PRAGMA {pragma}").fetchone()[0]
