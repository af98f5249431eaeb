"""Forgetting what is too old, in steps so small that nobody notices (metrics/series/horizons.py says what is)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from time import perf_counter

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from metrics.series import partitions
from metrics.series.horizons import COARSEST, RESOLUTIONS, closed_before, rollups_before
from metrics.series.models import LateHour, Rollup, Sample, Series
from metrics.series.spare_pages import give_back
from metrics.series.stride import SECONDS

logger = logging.getLogger(__name__)

ROWS = 1_000
"""Rows that one statement deletes."""
SERIES = 500
"""Series that are looked at in one step."""
SILENT = 20
"""Series that are deleted at once, with all that refers to them."""


class Retention:
    """Goes round the series, again and again; remembers only how far it came.

    PostgreSQL drops days of samples at the beginning of a round. What is silent for as long as its hours are kept is
    deleted at the end of one, and SQLite gives pages back. `strays` are the samples that lay outside of all days then.
    """

    def __init__(self) -> None:
        self.strays = 0
        self._after = 0

    @transaction.atomic
    def step(self, now: int, *, seconds: float = SECONDS, rows: int = ROWS) -> bool:
        """Delete what is too old at `now` (epoch ms), up to `rows` rows at a time, for about so many seconds.

        False when a round has come to its end.
        """
        ends = perf_counter() + seconds
        if self._after == 0 and partitions.keep_days(now):
            return True
        ids = list(Series.objects.filter(pk__gt=self._after).order_by("pk").values_list("pk", flat=True)[:SERIES])
        if ids:
            if _delete_old(ids, now, rows, ends):
                self._after = ids[-1]
            return True
        if _delete_silent(rollups_before(COARSEST, now)) or give_back(ends):
            return True
        self._after = 0
        self._look_for_strays()
        return False

    def _look_for_strays(self) -> None:
        self.strays = partitions.strays()
        if self.strays:
            logger.warning("%d samples lie outside of all days: partitions of metrics_sample are missing", self.strays)


rounds = Retention()
"""Those of this process, while it is the collector."""


def expire(now: int) -> bool:
    """The next step of this process' rounds."""
    return rounds.step(now)


def _delete_old(ids: list[int], now: int, rows: int, ends: float) -> bool:
    """Whether all was deleted before the time was over, which `perf_counter` tells."""
    for table, column, series, cutoff in _expired(ids, now):
        for pk in series:
            is_full = True
            while is_full:
                is_full = _delete_older(table.filter(series=pk), column, cutoff, rows) >= rows
                if perf_counter() >= ends:
                    return False
    return True


def _expired(ids: list[int], now: int) -> Iterator[tuple[QuerySet, str, list[int], int]]:
    """Rows, the column of their time, the series that have older ones than the cutoff, and the cutoff."""
    span = Series.objects.filter(pk__range=(ids[0], ids[-1])).order_by("pk").values_list("pk", flat=True)
    closed = closed_before(now)
    if connection.vendor == "sqlite":
        # What the roll-ups do not know yet stays.
        late = LateHour.objects.filter(series=OuterRef("pk"), t__lt=closed)
        known = span.exclude(dirty_from__lt=closed).exclude(Exists(late))
        yield Sample.objects.all(), "ts", _having(known, Sample.objects.filter(ts__lt=closed)), closed
    for res in RESOLUTIONS:
        rows, cutoff = Rollup.objects.filter(res=res), rollups_before(res, now)
        yield rows, "t", _having(span, rows.filter(t__lt=cutoff)), cutoff


def _having(series: QuerySet, rows: QuerySet) -> list[int]:
    return list(series.filter(Exists(rows.filter(series=OuterRef("pk")))))


def _delete_older(rows: QuerySet, column: str, cutoff: int, limit: int) -> int:
    """Delete up to `limit` of the rows whose time is before the cutoff, the oldest first."""
    old = rows.filter(**{f"{column}__lt": cutoff})
    beyond = old.order_by(column).values_list(column, flat=True)[limit:][:1]
    return old.filter(**{f"{column}__lt": next(iter(beyond), cutoff)}).delete()[0]


def _delete_silent(cutoff: int) -> int:
    """Delete series of which nothing is left."""
    silent = Series.objects.filter(last_ts__lt=cutoff, dirty_from=None).order_by("pk").values_list("pk", flat=True)
    return Series.objects.filter(pk__in=list(silent[:SILENT])).delete()[0]
