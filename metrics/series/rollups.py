"""Roll-ups of 10 s, a minute and an hour: recomputed from the raw samples wherever those changed, never added to.

What is dirty stands in the series' own row (`dirty_from`, `dirty_to`), written by the transaction that stores the
samples. So a crash loses nothing, and storing needs no statement more. A sample that is late by more than an hour
notes its hour instead (LateHour), so that what lies between is not computed again.

The buckets of 10 s are computed from the samples, with the step from the sample before them and into the bucket after
them. Minutes are computed from the buckets of 10 s and hours from minutes, which comes to the same at a fraction of
the cost. What is older than an hour is computed in whole hours, since its buckets of 10 s may have expired.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby, pairwise
from time import perf_counter
from typing import NamedTuple

from django.db import connection, transaction

from live.clock import now_ms
from metrics.series import aggregates
from metrics.series.bulk import values
from metrics.series.horizons import FINEST, HOUR_MS, RESOLUTIONS
from metrics.series.models import LateHour, Series
from metrics.series.stride import Stride

BATCH = 500
"""Series per transaction at most: their rows are locked for its length, and storing waits for that."""
SAMPLES = 50_000
"""About as many are read in one transaction at most."""
LATE_HOURS = 20
UNKNOWN_MS = 1_000


class Span(NamedTuple):
    """A stretch of a series between edges of buckets, in epoch ms.

    `start` is the time of the last sample before it (`low` where none is left), `level` what the series came to in an
    hour before it.
    """

    series: int
    low: int
    high: int
    start: int = 0
    level: float | None = None


# PostgreSQL holds up only those who store into the same series; what it waits for them counts here, too.
_stride = Stride({"sqlite": 0.02, "postgresql": 0.1}[connection.vendor])


def catch_up(stride: Stride = _stride) -> bool:
    """Roll up as much as takes some milliseconds; whether more may be left."""
    batch, began = stride.of(BATCH), perf_counter()
    has_more = roll_up(batch=batch, samples=stride.of(SAMPLES), late_hours=stride.of(LATE_HOURS)) >= batch
    stride.note(perf_counter() - began, was_all=not has_more)
    return has_more


@transaction.atomic
def roll_up(*, batch: int = BATCH, samples: int = SAMPLES, late_hours: int = LATE_HOURS) -> int:
    """Bring the roll-ups of up to `batch` dirty series up to date; return how many there were.

    `batch`, where more may be left: a span of many more than `samples` samples is done in several calls.
    """
    late = list(LateHour.objects.order_by("t", "series").values_list("series", "t")[:late_hours])
    # The longest dirty first, so that those who are always dirty do not keep others waiting.
    dirty = Series.objects.filter(dirty_from__isnull=False).order_by("dirty_from", "pk").values_list("pk", flat=True)
    ids = {*dirty[:batch], *(series for series, _t in late)}
    if not ids:
        return 0
    spans, is_whole = _dirty_spans(ids, samples)
    recompute([*spans, *(Span(series, t, t + HOUR_MS) for series, t in late)])
    for series, t in late:
        LateHour.objects.filter(series=series, t=t).delete()
    return len(ids) if is_whole and len(late) < late_hours else max(len(ids), batch)


def recompute(spans: Sequence[Span]) -> None:
    """Compute all buckets of these spans anew."""
    spans = _merged(_surrounded(spans))
    _execute(aggregates.FROM_SAMPLES, spans, samples=aggregates.SAMPLES[connection.vendor])
    for finer, res in pairwise(RESOLUTIONS):
        spans = _merged(_aligned(span, res * 1000) for span in spans)
        buckets = aggregates.BUCKETS[connection.vendor].format(finer=finer)
        rows = [(span.series, span.low, span.high) for span in spans]
        _execute(aggregates.FROM_BUCKETS, rows, buckets=buckets, finer=finer, res=res, ms=res * 1000)


def _dirty_spans(ids: Iterable[int], samples: int) -> tuple[list[Span], bool]:
    """The spans of these series that are done now, and whether nothing is left of them. Locks the series."""
    hour_ago, room = now_ms() - HOUR_MS, samples
    spans, left, is_whole = [], {}, True
    for first, series, last, interval_ms in _held(ids):
        if room <= 0:
            is_whole = False
            continue
        edge = HOUR_MS if first < hour_ago else FINEST * 1000
        span = _aligned(Span(series, first, last + 1), edge)
        most = max(room * interval_ms, edge) // edge * edge
        if span.high - span.low > most:
            left[series] = span.low + most
            span = span._replace(high=span.low + most)
        spans.append(span)
        room -= (span.high - span.low) // interval_ms
    done = [span.series for span in spans if span.series not in left]
    Series.objects.filter(pk__in=done).update(dirty_from=None, dirty_to=None)
    for series, first in left.items():
        Series.objects.filter(pk=series).update(dirty_from=first)
    return spans, is_whole and not left


def _held(ids: Iterable[int]) -> list[tuple[int, int, int, int]]:
    """From when, which series, until when and at what interval, in ms: locked by id, those first that wait longest.

    By id the last ones might never be served.
    """
    held = Series.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk")
    return sorted(
        (first, series, last, interval_ms or UNKNOWN_MS)
        for series, first, last, interval_ms in held.values_list("pk", "dirty_from", "dirty_to", "interval_ms")
        if first is not None and last is not None
    )


def _surrounded(spans: Sequence[Span]) -> list[Span]:
    rows = [span[:3] for span in spans]
    return [Span._make(row) for row in _execute(aggregates.SURROUNDINGS, rows, is_read=True)]


def _aligned(span: Span, ms: int) -> Span:
    return span._replace(low=span.low // ms * ms, high=-(-span.high // ms) * ms)


def _merged(spans: Iterable[Span]) -> list[Span]:
    """The spans without overlaps: a bucket can be written only once in a statement."""
    return [one for _series, group in groupby(sorted(spans), lambda span: span.series) for one in _joined(group)]


def _joined(spans: Iterable[Span]) -> Iterator[Span]:
    """Spans of one series, in order."""
    spans = iter(spans)
    current = next(spans)
    for span in spans:
        if span.low < current.high:
            current = current._replace(high=max(current.high, span.high))
        else:
            yield current
            current = span
    yield current


def _execute(sql: str, rows: Sequence[tuple], *, is_read: bool = False, **words: object) -> list[tuple]:
    if not rows:
        return []
    with connection.cursor() as cursor:
        cursor.execute(sql.format(values=values(rows), **words), list(chain.from_iterable(rows)))
        return cursor.fetchall() if is_read else []
