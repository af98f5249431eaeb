"""Storing readings: the one way into the sample table, for pushed samples and for our own.

What is sent again changes nothing: the first value for a time wins. Whoever stores holds the rows of the series, so
that their newest time, their total and what the roll-ups do not know yet are right in the same commit.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from django.db import transaction

from live.clock import now_ms
from metrics.series.bulk import SampleRow, insert_samples, update_series
from metrics.series.completing import complete
from metrics.series.creating import create_series, find_series
from metrics.series.deltas import add_up
from metrics.series.horizons import closed_before
from metrics.series.identities import SeriesIds
from metrics.series.progress import Row, Vanished, locked, mark_late, moved_on
from metrics.series.readings import Identity, Reading
from metrics.series.sightings import Sightings

Readings = Mapping[Identity, Sequence[Reading]]
Ended = Sequence[tuple[Identity, int]]
"""Series that their sender declares stale, and since when (epoch ms)."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What storing came to.

    `touched` are the series that got a new sample or ended, and `created` those whose row is new. `rows` are the
    (series, ts) of the samples that are new, `new` counts them, and `ids` says which series is which identity.
    `duplicates` counts the readings whose time was taken, `too_old` by identity those whose roll-ups are closed.
    `refused` names series that could not be made (their source has as many as it may, or is gone).
    """

    touched: frozenset[int] = frozenset()
    created: frozenset[int] = frozenset()
    new: int = 0
    duplicates: int = 0
    refused: frozenset[Identity] = frozenset()
    too_old: Mapping[Identity, int] = field(default_factory=dict)
    rows: Sequence[tuple[int, int]] = ()
    ids: Mapping[Identity, int] = field(default_factory=dict)


_ids = SeriesIds()
_sightings = Sightings()


def store(
    readings: Sequence[Reading], *, ended: Ended = (), before_commit: Callable[[], None] = lambda: None
) -> Stored:
    """Store readings in one transaction (a savepoint, inside a running one) and say what was new.

    `ended` series turn stale at that time, unless they are unknown or have a newer sample. The number of statements is
    constant, up to 5,000 readings. `before_commit` is called as the last act of the transaction and may raise to undo
    it. Raises ValueError for a value that is not finite, which PostgreSQL would keep and SQLite take for NULL.
    """
    now = now_ms()
    by_identity, too_old = _grouped(readings, closed_before(now))
    ends = _latest(ended)
    try:
        stored = _store(by_identity, ends, too_old, now, before_commit)
    except Vanished:
        _ids.forget([*by_identity, *ends])
        stored = _store(by_identity, ends, too_old, now, before_commit)
    sources = {identity.source for identity in (*by_identity, *ends)}
    transaction.on_commit(partial(_sightings.note, sources), robust=True)
    return stored


def _grouped(readings: Iterable[Reading], closed: int) -> tuple[Readings, Mapping[Identity, int]]:
    """The readings by identity, and how many of which are before `closed`."""
    by_identity: defaultdict[Identity, list[Reading]] = defaultdict(list)
    too_old: Counter[Identity] = Counter()
    for reading in readings:
        if reading.ts < closed:
            too_old[reading.identity] += 1
        elif math.isfinite(reading.value):
            by_identity[reading.identity].append(reading)
        else:
            raise ValueError(f"{reading.identity.metric}: expected a finite value, got {reading.value}")
    return by_identity, too_old


def _latest(ended: Ended) -> Mapping[Identity, int]:
    ends: dict[Identity, int] = {}
    for identity, ts in ended:
        ends[identity] = max(ts, ends.get(identity, ts))
    return ends


@transaction.atomic
def _store(
    readings: Readings,
    ends: Mapping[Identity, int],
    too_old: Mapping[Identity, int],
    now: int,
    before_commit: Callable[[], None],
) -> Stored:
    ids, created = _resolve(readings, ends, now)
    rows = locked(ids)
    groups = {ids[identity]: group for identity, group in readings.items() if identity in ids}
    complete(rows, {series: group[0] for series, group in groups.items()})
    samples, deltas = _samples(groups)
    totals, raised = add_up(deltas, rows) if deltas else ([], frozenset())
    new = insert_samples(samples + totals)
    touched = _advance(rows, new, {ids[identity]: ts for identity, ts in ends.items() if identity in ids}, raised)
    before_commit()
    refused = frozenset(readings.keys() - ids.keys())
    duplicates = len(samples) + len(deltas) - len(new)
    return Stored(touched, created, len(new), duplicates, refused, too_old, new, ids)


def _resolve(readings: Readings, ends: Mapping[Identity, int], now: int) -> tuple[dict[Identity, int], frozenset[int]]:
    """The ids of all series that exist or may be made, and which are new. A series is not made to be ended."""
    wanted = readings.keys() | ends if ends else readings.keys()
    known = _ids.known(wanted)
    if len(known) == len(wanted):
        return known, frozenset()
    found, created = find_series([identity for identity in wanted if identity not in known]), frozenset[int]()
    absent = {i: group for i, group in readings.items() if i not in known and i not in found}
    if absent:
        made, created = create_series(absent, now)
        found |= made
    # Remembered only after the commit: an id from a transaction that is undone is nobody's.
    transaction.on_commit(partial(_ids.remember, found))
    return known | found, created


def _samples(groups: Mapping[int, Sequence[Reading]]) -> tuple[list[SampleRow], list[SampleRow]]:
    """The samples whose value is to be stored as it is, and those that are deltas."""
    samples: list[SampleRow] = []
    deltas: list[SampleRow] = []
    for series, group in groups.items():
        for _identity, ts, value, _unit, _kind, _help, is_delta in group:
            (deltas if is_delta else samples).append(SampleRow(series, ts, value))
    return samples, deltas


def _advance(
    rows: Mapping[int, Row], new: Iterable[tuple[int, int]], ends: Mapping[int, int], raised: frozenset[int]
) -> frozenset[int]:
    """Carry the new samples, as (series, ts), and the ends into the rows of their series; the ids that changed."""
    times: defaultdict[int, list[int]] = defaultdict(list)
    for series, ts in new:
        times[series].append(ts)
    progress, late = [], []
    for series in times.keys() | ends.keys():
        row = rows[series]
        moved, hours = moved_on(row, sorted(times[series]), end=ends.get(series), is_raised=series in raised)
        if moved != row.progress:
            progress.append(moved)
        late += [(series, hour) for hour in hours]
    mark_late(late)
    update_series(progress)
    return frozenset(moved.id for moved in progress)
