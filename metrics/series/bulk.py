"""The statements of storing that the ORM is too slow for, in the form that each database runs fastest.

For 2,000 rows, in ms (SQLite, PostgreSQL): inserting samples 6 and 9, with `bulk_create`, which does not say which of
them are new, 26 and 27; updating series 5 and 23, with `bulk_update` 1,400 and 1,600.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
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

    last_ts: int | None
    interval_ms: int | None
    total: int
    stale_at: int | None
    dirty_from: int | None
    dirty_to: int | None
    id: int


def hold_series(ids: Sequence[int], columns: Sequence[str]) -> list[tuple]:
    """These columns of the series, whose rows are locked in the order of their ids."""
    is_postgresql = connection.vendor == "postgresql"
    found = []
    with connection.cursor() as cursor:
        for piece in pieces(sorted(ids)):
            sql = (_HOLD_ARRAY if is_postgresql else _HOLD_JSON).format(columns=", ".join(columns))
            cursor.execute(sql, [list(piece) if is_postgresql else json.dumps(piece)])
            found += cursor.fetchall()
    return found


def insert_samples(rows: Sequence[SampleRow]) -> list[tuple[int, int]]:
    """Store samples, pass over those whose (series, ts) is taken, and return the (series, ts) of the new ones."""
    insert = _insert_arrays if connection.vendor == "postgresql" else _insert_values
    with connection.cursor() as cursor:
        return [new for piece in pieces(rows) for new in insert(cursor, piece)]


def taken_times(moments: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
    """Those of the (series, ts) that have a sample."""
    return {taken for piece in pieces(moments) for taken in _fetched(_TAKEN, piece)}


def newest_totals(series: Sequence[int]) -> dict[int, float]:
    """The newest value of each series, from its roll-ups when its samples have expired; 0 when it has neither."""
    found = (row for piece in pieces(series) for row in _fetched(_NEWEST, [(one,) for one in piece]))
    return dict(found)


def levels(moments: Sequence[tuple[int, int]]) -> dict[tuple[int, int], float]:
    """The value that each series had just before that time, 0 where it had none."""
    found = (row for piece in pieces(moments) for row in _fetched(_LEVELS, piece))
    return {(series, ts): value for series, ts, value in found}


def raise_newest(amounts: Iterable[tuple[float, int, int]]) -> None:
    """Add the amount to the sample, each given as (amount, series, ts)."""
    with connection.cursor() as cursor:
        cursor.executemany(_RAISE, list(amounts))


def update_series(rows: Sequence[Progress]) -> None:
    """Set the columns of many series, in one statement."""
    if not rows:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_UPDATE_ARRAYS, _columns(rows))
        else:
            cursor.executemany(_UPDATE_ONE, rows)


def describe_series(rows: Iterable[tuple[str, str, str, int]]) -> None:
    """Set kind, unit and help, each given as (kind, unit, help, series)."""
    with connection.cursor() as cursor:
        cursor.executemany("UPDATE metrics_series SET kind = %s, unit = %s, help = %s WHERE id = %s", list(rows))


def pieces(rows: Sequence[T], size: int = ROWS) -> Iterator[Sequence[T]]:
    return (rows[start : start + size] for start in range(0, len(rows), size))


def values(rows: Sequence[tuple]) -> str:
    """A VALUES list with a place for each number."""
    return "VALUES " + ",".join([f"({','.join(['%s'] * len(rows[0]))})"] * len(rows))


_HOLD_JSON = "SELECT {columns} FROM metrics_series WHERE id IN (SELECT value FROM json_each(%s)) ORDER BY id"
_HOLD_ARRAY = "SELECT {columns} FROM metrics_series WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
_INSERT = "INSERT INTO metrics_sample (series_id, ts, value) "
_NEW = " ON CONFLICT DO NOTHING RETURNING series_id, ts"
_ARRAYS = "SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::float8[])"
_UPDATE_ONE = """
    UPDATE metrics_series
    SET last_ts = %s, interval_ms = %s, total = %s, stale_at = %s, dirty_from = %s, dirty_to = %s WHERE id = %s
"""
_UPDATE_ARRAYS = """
    UPDATE metrics_series AS s
    SET last_ts = n.last_ts, interval_ms = n.interval_ms, total = n.total, stale_at = n.stale_at,
        dirty_from = n.dirty_from, dirty_to = n.dirty_to
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
        AS n(last_ts, interval_ms, total, stale_at, dirty_from, dirty_to, id)
    WHERE s.id = n.id
"""
_TAKEN = """
    WITH ask(series_id, ts) AS ({values})
    SELECT s.series_id, s.ts FROM ask JOIN metrics_sample s ON s.series_id = ask.series_id AND s.ts = ask.ts
"""
_NEWEST = """
    WITH ask(series_id) AS ({values})
    SELECT ask.series_id, COALESCE(
        (SELECT s.value FROM metrics_sample s WHERE s.series_id = ask.series_id ORDER BY s.ts DESC LIMIT 1),
        (SELECT r."last" FROM metrics_rollup r WHERE r.series_id = ask.series_id AND r.res = 3600
         ORDER BY r.t DESC LIMIT 1), 0.0)
    FROM ask
"""
_LEVELS = """
    WITH ask(series_id, ts) AS ({values})
    SELECT ask.series_id, ask.ts, COALESCE(
        (SELECT s.value FROM metrics_sample s WHERE s.series_id = ask.series_id AND s.ts < ask.ts
         ORDER BY s.ts DESC LIMIT 1), 0.0)
    FROM ask
"""
_RAISE = "UPDATE metrics_sample SET value = value + %s WHERE series_id = %s AND ts = %s"


def _insert_arrays(cursor: Any, rows: Sequence[SampleRow]) -> list[tuple[int, int]]:
    cursor.execute(_INSERT + _ARRAYS + _NEW, _columns(rows))
    return cursor.fetchall()


def _insert_values(cursor: Any, rows: Sequence[SampleRow]) -> list[tuple[int, int]]:
    cursor.execute(_INSERT + values(rows) + _NEW, list(chain.from_iterable(rows)))
    return cursor.fetchall()


def _fetched(sql: str, rows: Sequence[tuple]) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql.format(values=values(rows)), list(chain.from_iterable(rows)))
        return cursor.fetchall()


def _columns(rows: Sequence[tuple]) -> list[list]:
    return [list(column) for column in zip(*rows, strict=True)]
