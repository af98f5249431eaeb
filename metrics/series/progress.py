"""How the row of a series moves on as samples come in: read under lock, and worked out here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from metrics.series.bulk import Progress, hold_series
from metrics.series.intervals import observed_interval
from metrics.series.models import LateHour
from metrics.series.readings import Identity, series_key

HOUR_MS = 3_600_000
LATE_MS = HOUR_MS
"""A sample so much older than the newest of its series is late: its hour is noted by itself, so that what lies between
is not computed again."""


class Vanished(Exception):
    """A remembered series is gone, or its id was given to another."""


class Row(NamedTuple):
    """The columns of a series that storing needs."""

    id: int
    source_id: int
    key: bytes
    kind: str
    unit: str
    help: str
    last_ts: int | None
    interval_ms: int | None
    total: int
    stale_at: int | None
    dirty_from: int | None
    dirty_to: int | None

    @property
    def progress(self) -> Progress:
        return Progress(
            self.last_ts, self.interval_ms, self.total, self.stale_at, self.dirty_from, self.dirty_to, self.id
        )


def locked(ids: Mapping[Identity, int]) -> dict[int, Row]:
    """The rows of the series, locked in the order of their ids. Raises Vanished unless each is what it should be."""
    rows = {row[0]: Row._make(row) for row in hold_series(list(ids.values()), Row._fields)}
    for (source, metric, labels), pk in ids.items():
        row = rows.get(pk)
        if row is None or row.source_id != source or bytes(row.key) != series_key(metric, labels):
            raise Vanished
    return rows


def moved_on(
    row: Row, times: Sequence[int], *, end: int | None = None, is_raised: bool = False
) -> tuple[Progress, frozenset[int]]:
    """The row after new samples at these times (sorted, epoch ms), and the late hours among them.

    `end` is when its sender said that the series ended. It counts only where no sample is newer, and never moves back.
    `is_raised`: the value of the newest sample was changed.
    """
    last_ts = _latest(row.last_ts, times[-1] if times else None)
    stale_at = row.stale_at
    if end is not None and last_ts is not None and end >= last_ts:
        stale_at = _latest(row.stale_at, end)
    edge = (last_ts or 0) - LATE_MS
    late = frozenset(ts // HOUR_MS * HOUR_MS for ts in times if ts < edge)
    recent = [ts for ts in times if ts >= edge] if late else times
    dirty = [*recent, row.last_ts] if is_raised and row.last_ts is not None else recent
    after = Progress(
        last_ts=last_ts,
        interval_ms=observed_interval(row.interval_ms, row.last_ts, times),
        total=row.total + len(times),
        stale_at=stale_at,
        dirty_from=_earliest(row.dirty_from, dirty[0] if dirty else None),
        dirty_to=_latest(row.dirty_to, dirty[-1] if dirty else None),
        id=row.id,
    )
    return after, late


def mark_late(hours: Iterable[tuple[int, int]]) -> None:
    """Note hours, as (series, start in epoch ms), for the roll-ups."""
    rows = [LateHour(series_id=series, t=hour) for series, hour in hours]
    if rows:
        LateHour.objects.bulk_create(rows, batch_size=1_000, ignore_conflicts=True)


def _earliest(one: int | None, other: int | None) -> int | None:
    return min(one, other) if one is not None and other is not None else one if other is None else other


def _latest(one: int | None, other: int | None) -> int | None:
    return max(one, other) if one is not None and other is not None else one if other is None else other
