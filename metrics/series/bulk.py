"""The statements of storing that the ORM is too slow for, in the form that each database runs fastest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple, TypeVar

from django.db import connection

T = TypeVar("T")

ROWS = 5_000
"""Rows per statement: SQLite takes 32,766 parameters, and a sample has three."""


class SampleRow(NamedTuple):
    series: int
    ts: int
    value: float


class Progress(NamedTuple):
    """The columns of a series that change as samples come in."""

    last_ts: int
    interval_ms: int | None
    total: int
    dirty_from: int
    dirty_to: int
    id: int


def insert_samples(rows: Sequence[SampleRow]) -> list[tuple[int, int]]:
    """Store samples, pass over those whose (series, ts) is taken, and return the (series, ts) of the new ones."""
    insert = _insert_arrays if connection.vendor == "postgresql" else _insert_values
    with connection.cursor() as cursor:
        return [new for piece in pieces(rows) for new in insert(cursor, piece)]


def update_series(rows: Sequence[Progress]) -> None:
    """Set the columns of many series, in one statement."""
    if not rows:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_UPDATE_ARRAYS, _columns(rows))
        else:
            cursor.executemany(_UPDATE_ONE, rows)


def pieces(rows: Sequence[T], size: int = ROWS) -> Iterator[Sequence[T]]:
    return (rows[start : start + size] for start in range(0, len(rows), size))


_INSERT = "INSERT INTO metrics_sample (series_id, ts, value) "
_NEW = " ON CONFLICT DO NOTHING RETURNING series_id, ts"
_ARRAYS = "SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::float8[])"
_UPDATE_ONE = """
    UPDATE metrics_series SET last_ts = %s, interval_ms = %s, total = %s, dirty_from = %s, dirty_to = %s WHERE id = %s
"""
_UPDATE_ARRAYS = """
    UPDATE metrics_series AS s
    SET last_ts = n.last_ts, interval_ms = n.interval_ms, total = n.total,
        dirty_from = n.dirty_from, dirty_to = n.dirty_to
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
        AS n(last_ts, interval_ms, total, dirty_from, dirty_to, id)
    WHERE s.id = n.id
"""


def _insert_arrays(cursor: Any, rows: Sequence[SampleRow]) -> list[tuple[int, int]]:
    cursor.execute(_INSERT + _ARRAYS + _NEW, _columns(rows))
    return cursor.fetchall()


def _insert_values(cursor: Any, rows: Sequence[SampleRow]) -> list[tuple[int, int]]:
    values = ",".join(["(%s,%s,%s)"] * len(rows))
    cursor.execute(f"{_INSERT}VALUES {values}{_NEW}", list(chain.from_iterable(rows)))
    return cursor.fetchall()


def _columns(rows: Sequence[tuple]) -> list[list]:
    return [list(column) for column in zip(*rows, strict=True)]
