"""Forgetting: raw samples after a day (SQLite) or a week (PostgreSQL), minutes after 30 days, then the series."""

from __future__ import annotations

from django.db import connection, transaction
from django.db.models import OuterRef, QuerySet, Subquery

from metrics.series.models import Rollup, Sample, Series

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
RAW_MS = {"sqlite": DAY_MS, "postgresql": 7 * DAY_MS}
ROLLUP_MS = 30 * DAY_MS
ROWS = 5_000
SERIES = 500


def raw_retention_ms() -> int:
    """How old a sample may be when it comes in. It is kept an hour longer: a late one finds its bucket whole."""
    return RAW_MS[connection.vendor]


@transaction.atomic
def expire(now: int, *, rows: int = ROWS) -> int:
    """Delete up to `rows` rows that are too old at `now` (epoch ms); return how many, which is 0 when none are left."""
    raw_cutoff = now - raw_retention_ms() - HOUR_MS
    # What the roll-ups do not know yet stays.
    known = Series.objects.exclude(dirty_from__lt=raw_cutoff)
    gone = _delete_older(known, Sample.objects.order_by("ts"), "ts", raw_cutoff, rows)
    if gone < rows:
        gone += _delete_older(Series.objects.all(), Rollup.objects.order_by("t"), "t", now - ROLLUP_MS, rows - gone)
    return gone or _delete_silent(now - ROLLUP_MS)


def _delete_older(series: QuerySet, rows: QuerySet, column: str, cutoff: int, limit: int) -> int:
    """Delete up to `limit` of the rows whose `column` is below the cutoff; `rows` are ordered by that column."""
    oldest = Subquery(rows.filter(series=OuterRef("pk")).values(column)[:1])
    concerned = series.annotate(oldest=oldest).filter(oldest__lt=cutoff).order_by("pk").values_list("pk", flat=True)
    gone = 0
    for pk in list(concerned[:SERIES]):
        old = rows.filter(series=pk, **{f"{column}__lt": cutoff})
        beyond = old.values_list(column, flat=True)[limit - gone :][:1]
        gone += old.filter(**{f"{column}__lt": next(iter(beyond), cutoff)}).delete()[0]
        if gone >= limit:
            break
    return gone


def _delete_silent(cutoff: int) -> int:
    """Delete series of which nothing is left, so that names that are not used any more free their source's limit."""
    silent = Series.objects.filter(last_ts__lt=cutoff, dirty_from=None)
    return Series.objects.filter(pk__in=list(silent.values_list("pk", flat=True)[:SERIES])).delete()[0]
