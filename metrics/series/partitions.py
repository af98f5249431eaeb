"""The days of samples on PostgreSQL: made ahead, dropped when they are over. SQLite has none of this."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import OperationalError, connection, transaction

from metrics.series.horizons import DAY_MS, closed_before
from metrics.series.models import LateHour, Series

logger = logging.getLogger(__name__)

AHEAD = 3
"""Days that are made before they begin."""
DEFAULT = "metrics_sample_default"
COUNTED = 100_000
LOCK_WAIT = "2s"
"""Making and dropping days waits for everybody who reads samples, and everybody waits for it meanwhile."""

_THERE = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'metrics_sample'::regclass"
_MAKE = "CREATE TABLE {name} PARTITION OF metrics_sample FOR VALUES FROM ({low}) TO ({high})"
_STRAYS = "SELECT EXISTS (SELECT 1 FROM metrics_sample_default WHERE ts >= %s AND ts < %s)"
# First the table, as everybody who stores does; its days before it would be a deadlock.
_LOCK = "LOCK TABLE ONLY metrics_sample IN ACCESS EXCLUSIVE MODE"
_ADOPT = """
    CREATE TABLE {name} (LIKE metrics_sample INCLUDING ALL);
    WITH gone AS (DELETE FROM metrics_sample_default WHERE ts >= {low} AND ts < {high} RETURNING series_id, ts, value)
        INSERT INTO {name} (series_id, ts, value) SELECT series_id, ts, value FROM gone;
    ALTER TABLE metrics_sample ATTACH PARTITION {name} FOR VALUES FROM ({low}) TO ({high})
"""


def keep_days(now: int) -> bool:
    """Make the days that are missing at `now` (epoch ms), and drop one that is over; whether there may be more to do.

    Somebody who reads for long is waited for 2 s, and then another time.
    """
    if connection.vendor != "postgresql":
        return False
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            return _keep_days(cursor, now)
    except OperationalError as error:
        logger.warning("the days of samples could not be looked after, and will be another time: %s", error)
        return False


def make_days(cursor: Any, lows: Iterable[int]) -> None:
    """Make the days that begin at these times (epoch ms), with what was stored outside of all days before."""
    for low in lows:
        sql = _ADOPT if _has_strays(cursor, low, low + DAY_MS) else _MAKE
        cursor.execute(sql.format(name=_name(low), low=low, high=low + DAY_MS))


def needed(now: int) -> range:
    """Where the days begin whose samples are taken at `now` (epoch ms), and the next three."""
    return range(_day(closed_before(now)), _day(now) + (AHEAD + 1) * DAY_MS, DAY_MS)


def strays() -> int:
    """How many samples lie outside of all days, counted up to 100,000; 0 unless something went wrong."""
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM (SELECT 1 FROM metrics_sample_default LIMIT %s) one", [COUNTED])
        return cursor.fetchone()[0]


def _keep_days(cursor: Any, now: int) -> bool:
    there, closed = _there(cursor), closed_before(now)
    missing = [low for low in needed(now) if _name(low) not in there]
    over = sorted((end, name) for name, end in _ends(there) if end <= closed)[:1]
    over = [(end, name) for end, name in over if not _is_dirty(end)]
    if missing or over:
        cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'")
        cursor.execute(_LOCK)
        make_days(cursor, missing)
        for _end, name in over:
            cursor.execute(f"DROP TABLE {name}")
    if _has_strays(cursor, 0, closed) and not _is_dirty(closed):
        cursor.execute("DELETE FROM metrics_sample_default WHERE ts < %s", [closed])
    return bool(over)


def _is_dirty(end: int) -> bool:
    """Whether the roll-ups do not know all samples before this time."""
    return Series.objects.filter(dirty_from__lt=end).exists() or LateHour.objects.filter(t__lt=end).exists()


def _has_strays(cursor: Any, low: int, high: int) -> bool:
    cursor.execute(_STRAYS, [low, high])
    return cursor.fetchone()[0]


def _there(cursor: Any) -> set[str]:
    cursor.execute(_THERE)
    return {name for (name,) in cursor.fetchall()}


def _ends(names: set[str]) -> Iterator[tuple[str, int]]:
    for name in names - {DEFAULT}:
        day = datetime.strptime(name[-8:], "%Y%m%d").replace(tzinfo=UTC)
        yield name, round((day + timedelta(days=1)).timestamp() * 1000)


def _day(ts: int) -> int:
    return ts // DAY_MS * DAY_MS


def _name(low: int) -> str:
    return f"metrics_sample_{datetime.fromtimestamp(low / 1000, UTC):%Y%m%d}"
