"""The newest samples of many series, in one query each: every series is a short walk down the primary key.

The ORM cannot say "the newest 64 of each" without numbering every stored row, so each database gets its own words.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.db import connection

from metrics.series.models import Sample

Points = list[tuple[int, float]]
"""Pairs of ts (epoch ms) and value, oldest first."""
Moment = tuple[int, int]
"""A series' id and a time in epoch ms."""

EARLIEST = -(2**62)

# SQLite has no LATERAL; a bound that depends on the outer row alone is worked out once per series. CROSS JOIN keeps
# its planner from beginning with the samples.
NEWEST_SQLITE = """
    SELECT ask.value, sample.ts, sample.value FROM json_each(%s) ask
    CROSS JOIN {sample} sample ON sample.series_id = ask.value AND sample.ts >= coalesce(
        (SELECT one.ts FROM {sample} one WHERE one.series_id = ask.value ORDER BY one.ts DESC LIMIT 1 OFFSET %s), %s)
"""
# Of all its days PostgreSQL looks only into those that the bounds leave. Rows come as arrays, which cost half as much.
NEWEST_POSTGRESQL = """
    SELECT ask.id, ask.total, found.times, found.numbers FROM metrics_series ask CROSS JOIN LATERAL
        (SELECT array_agg(ts ORDER BY ts) AS times, array_agg(value ORDER BY ts) AS numbers FROM
            (SELECT ts, value FROM {sample} WHERE series_id = ask.id {bounds} ORDER BY ts DESC LIMIT %s) one) found
    WHERE ask.id = ANY(%s) AND found.times IS NOT NULL
"""
NEAR = "AND ts <= ask.last_ts AND ts >= ask.last_ts - %s * coalesce(ask.interval_ms, 0)"
AS_OF_SQLITE = """
    SELECT ask.value ->> 0, ask.value ->> 1, sample.ts, sample.value FROM json_each(%s) ask
    CROSS JOIN {sample} sample ON sample.series_id = ask.value ->> 0 AND sample.ts =
        (SELECT max(one.ts) FROM {sample} one WHERE one.series_id = ask.value ->> 0 AND one.ts <= ask.value ->> 1)
"""
AS_OF_POSTGRESQL = """
    SELECT ask.id, ask.at, sample.ts, sample.value
    FROM unnest(%s::bigint[], %s::bigint[]) AS ask (id, at) CROSS JOIN LATERAL
        (SELECT ts, value FROM {sample} WHERE series_id = ask.id AND ts <= ask.at ORDER BY ts DESC LIMIT 1) sample
"""


def newest(series: Iterable[int], count: int) -> dict[int, Points]:
    """The newest `count` samples of each series by its id; a series without any is missing."""
    ids = list(series)
    if not ids:
        return {}
    return _newest_postgresql(ids, count) if connection.vendor == "postgresql" else _newest_sqlite(ids, count)


def as_of(moments: Collection[Moment]) -> dict[Moment, tuple[int, float]]:
    """The newest sample not later than each moment; a moment without one is missing."""
    if not moments:
        return {}
    if connection.vendor == "postgresql":
        rows = _rows(AS_OF_POSTGRESQL, [series for series, _ in moments], [at for _, at in moments])
    else:
        rows = _rows(AS_OF_SQLITE, json.dumps(list(moments)))
    return {(series, at): (ts, value) for series, at, ts, value in rows}


def _newest_sqlite(ids: Sequence[int], count: int) -> dict[int, Points]:
    out: dict[int, Points] = {}
    for series_id, ts, value in _rows(NEWEST_SQLITE, json.dumps(ids), count - 1, EARLIEST):
        out.setdefault(series_id, []).append((ts, value))
    return {series_id: sorted(points) for series_id, points in out.items()}


def _newest_postgresql(ids: Sequence[int], count: int) -> dict[int, Points]:
    """Near its newest sample a series has enough, unless there was a gap: then it is looked for in all days."""
    near = _rows(NEWEST_POSTGRESQL, 2 * count, count, ids, bounds=NEAR)
    short = [series for series, total, times, _values in near if len(times) < min(count, total)]
    found = near + _rows(NEWEST_POSTGRESQL, count, short) if short else near
    return {series: list(zip(times, values, strict=True)) for series, _total, times, values in found}


def _rows(sql: str, *parameters: Any, bounds: str = "") -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql.format(sample=Sample._meta.db_table, bounds=bounds), parameters)
        return cursor.fetchall()
