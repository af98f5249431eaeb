"""Storing readings: the one way into the sample table, for pushed samples and for our own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from django.db import transaction

from metrics.series.bulk import Progress, SampleRow, insert_samples, pieces, update_series
from metrics.series.creating import create_series, find_series
from metrics.series.identities import SeriesIds
from metrics.series.intervals import observed_interval
from metrics.series.models import Series
from metrics.series.readings import Identity, Reading, series_key
from metrics.series.sightings import Sightings

Readings = Mapping[Identity, Sequence[Reading]]


@dataclass(frozen=True, slots=True)
class Stored:
    """What storing came to.

    `touched` are the series that got a new sample, and `created` those whose row is new. `duplicates` counts the
    readings whose time was taken, `refused` names series that could not be made (their source has as many as it may,
    or is gone).
    """

    touched: frozenset[int] = frozenset()
    created: frozenset[int] = frozenset()
    new: int = 0
    duplicates: int = 0
    refused: frozenset[Identity] = frozenset()


class _Vanished(Exception):
    """A remembered series is gone, or its id was given to another."""


_ids = SeriesIds()
_sightings = Sightings()


def store(readings: Sequence[Reading], *, before_commit: Callable[[], None] = lambda: None) -> Stored:
    """Store readings in one transaction (a savepoint, inside a running one) and say what was new.

    The number of statements is constant, up to 5,000 readings. `before_commit` is called as the last act of the
    transaction and may raise to undo it.
    """
    by_identity = _grouped(readings)
    try:
        stored = _store(by_identity, before_commit)
    except _Vanished:
        _ids.forget(by_identity)
        stored = _store(by_identity, before_commit)
    transaction.on_commit(partial(_sightings.note, {identity.source for identity in by_identity}), robust=True)
    return stored


def _grouped(readings: Iterable[Reading]) -> Readings:
    by_identity: defaultdict[Identity, list[Reading]] = defaultdict(list)
    for reading in readings:
        by_identity[reading.identity].append(reading)
    return by_identity


@transaction.atomic
def _store(readings: Readings, before_commit: Callable[[], None]) -> Stored:
    ids, created = _resolve(readings)
    # Remembered only after the commit: an id from a transaction that is undone is nobody's.
    transaction.on_commit(partial(_ids.remember, ids))
    rows = _lock(ids)
    samples = [SampleRow(ids[i], r.ts, r.value) for i, group in readings.items() if i in ids for r in group]
    new = insert_samples(samples)
    touched = _advance(rows, new)
    before_commit()
    return Stored(touched, created, len(new), len(samples) - len(new), frozenset(readings.keys() - ids.keys()))


def _resolve(readings: Readings) -> tuple[dict[Identity, int], frozenset[int]]:
    """The ids of all series that exist or may be made, and which are new."""
    ids = _ids.known(readings)
    ids |= find_series([identity for identity in readings if identity not in ids])
    absent = {identity: group for identity, group in readings.items() if identity not in ids}
    if not absent:
        return ids, frozenset()
    made, created = create_series(absent)
    return ids | made, created


def _lock(ids: Mapping[Identity, int]) -> list[Series]:
    """The rows of the series, locked in the order of their ids. Raises _Vanished unless each is what it should be."""
    columns = ("source_id", "key", "last_ts", "interval_ms", "total", "dirty_from", "dirty_to")
    rows: dict[int, Series] = {}
    for piece in pieces(sorted(ids.values())):
        locked = Series.objects.select_for_update(no_key=True).filter(pk__in=piece).order_by("pk").only(*columns)
        rows |= {row.pk: row for row in locked}
    for (source, metric, labels), pk in ids.items():
        row = rows.get(pk)
        if row is None or (row.source_id, bytes(row.key)) != (source, series_key(metric, labels)):
            raise _Vanished
    return list(rows.values())


def _advance(rows: Iterable[Series], new: Iterable[tuple[int, int]]) -> frozenset[int]:
    """Carry the new samples, as (series, ts), into the rows of their series; return the ids of those."""
    times: defaultdict[int, list[int]] = defaultdict(list)
    for series, ts in new:
        times[series].append(ts)
    update_series([_progress(row, sorted(times[row.pk])) for row in rows if row.pk in times])
    return frozenset(times)


def _progress(row: Series, times: Sequence[int]) -> Progress:
    first, last = times[0], times[-1]
    return Progress(
        last_ts=last if row.last_ts is None else max(row.last_ts, last),
        interval_ms=observed_interval(row.interval_ms, row.last_ts, times),
        total=row.total + len(times),
        dirty_from=first if row.dirty_from is None else min(row.dirty_from, first),
        dirty_to=last if row.dirty_to is None else max(row.dirty_to, last),
        id=row.pk,
    )
