"""The 1-minute roll-ups: recomputed from the raw samples wherever those changed, so that nothing counts twice.

What is dirty stands in the series' own row (`dirty_from`, `dirty_to`), written by the transaction that stores the
samples. So a crash loses nothing, storing needs no statement more, and a late sample only widens the span: the buckets
between are computed again to what they were. The bucket after the span is included, since the step from its
predecessor may have changed.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection, transaction

from metrics.series.models import Series

MINUTE = 60
BATCH = 500
"""Series per transaction: their rows are locked for its length, and storing waits for that."""


@transaction.atomic
def roll_up(*, batch: int = BATCH) -> int:
    """Bring the roll-ups of up to `batch` dirty series up to date; return how many there were."""
    dirty = Series.objects.filter(dirty_from__isnull=False).order_by("pk")[:batch]
    ids = list(dirty.select_for_update(no_key=True).values_list("pk", flat=True))
    if ids:
        recompute(ids)
        Series.objects.filter(pk__in=ids).update(dirty_from=None, dirty_to=None)
    return len(ids)


def recompute(ids: Sequence[int], *, res: int = MINUTE) -> None:
    """Compute the buckets in the dirty spans of these series anew."""
    places = ",".join(["%s"] * len(ids))
    with connection.cursor() as cursor:
        cursor.execute(_RECOMPUTE.format(ids=places, ms=res * 1000, res=res), ids)


# `tame` keeps sums of values near the end of the float range finite: PostgreSQL refuses an overflow, SQLite makes
# it NULL, and either would stop the roll-ups of all series. A fall of a counter is a reset: it began again at 0.
_RECOMPUTE = """
    WITH dirty AS (
        SELECT id AS series_id, dirty_from / {ms} * {ms} AS low, (dirty_to / {ms} + 1) * {ms} AS high
        FROM metrics_series WHERE id IN ({ids})
    ), span AS (
        SELECT series_id, low,
            COALESCE((SELECT MAX(ts) FROM metrics_sample s
                      WHERE s.series_id = dirty.series_id AND s.ts < dirty.low), low) AS prev,
            COALESCE((SELECT (MIN(ts) / {ms} + 1) * {ms} FROM metrics_sample s
                      WHERE s.series_id = dirty.series_id AND s.ts >= dirty.high), high) AS high
        FROM dirty
    ), raw AS (
        SELECT s.series_id, s.ts, s.ts / {ms} * {ms} AS t, s.value, span.low,
            CASE WHEN s.value > 1e300 THEN 1e300 WHEN s.value < -1e300 THEN -1e300 ELSE s.value END AS tame
        FROM span JOIN metrics_sample s ON s.series_id = span.series_id AND s.ts >= span.prev AND s.ts < span.high
    ), step AS (
        SELECT series_id, ts, t, value, low, tame, LAG(tame) OVER (PARTITION BY series_id ORDER BY ts) AS prior,
            FIRST_VALUE(value) OVER bucket AS opening, LAST_VALUE(value) OVER bucket AS closing
        FROM raw
        WINDOW bucket AS (
            PARTITION BY series_id, t ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
    )
    INSERT INTO metrics_rollup (series_id, res, t, n, "sum", "min", "max", "first", "last", last_ts, inc)
    SELECT series_id, {res}, t, COUNT(*), SUM(tame), MIN(value), MAX(value), MIN(opening), MIN(closing), MAX(ts),
        SUM(CASE WHEN prior IS NULL THEN 0.0 WHEN tame < prior THEN tame ELSE tame - prior END)
    FROM step WHERE ts >= low GROUP BY series_id, t
    ON CONFLICT (series_id, res, t) DO UPDATE SET n = excluded.n, "sum" = excluded."sum", "min" = excluded."min",
        "max" = excluded."max", "first" = excluded."first", "last" = excluded."last", last_ts = excluded.last_ts,
        inc = excluded.inc
"""
