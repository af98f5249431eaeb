"""A database with very many samples: reading the newest, and forgetting the oldest while somebody else writes.

    DATABASE_URL=… python -m benchmarks.harness.stored SAMPLES RUNS

It loads the samples by SQL into 200 series at 10 s, with their minutes and hours, and prints Kept as JSON. The database
must be migrated and empty.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard_site.settings")

import django

django.setup()

from django.db import connection

from benchmarks.harness.processes import waited_ns
from live.clock import now_ms
from metrics.kpis.samples import newest
from metrics.series import partitions
from metrics.series.horizons import DAY_MS
from metrics.series.models import Rollup, Sample, Series
from metrics.series.readings import series_key
from metrics.series.retention import Retention
from metrics.sources.models import Source
from tests.repository import ROOT

SERIES = 200
INTERVAL_MS = 10_000
TILES, POINTS = 50, 60
FORGET_S = 120.0
BETWEEN_S = 0.001
LATER_MS = 4 * DAY_MS
"""PostgreSQL keeps a week, so that what was just loaded is over only some days later."""

NUMBERS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %s)",
    "postgresql": "WITH n(i) AS (SELECT * FROM generate_series(0::bigint, %s - 1))",
}
# In the order in which each database likes it best: SQLite by key, PostgreSQL by time.
ORDERS = {"sqlite": "metrics_series s CROSS JOIN n", "postgresql": "n CROSS JOIN metrics_series s"}
LOAD = """
    {numbers} INSERT INTO metrics_sample (series_id, ts, value)
    SELECT s.id, %s + n.i * %s, (n.i * 37 %% 1000) / 7.0 + s.id FROM {order}
"""
ROLL_UP = """
    INSERT INTO metrics_rollup (series_id, res, t, n, "sum", "min", "max", "first", "last", last_ts, inc)
    SELECT series_id, {res}, ts / {ms} * {ms}, count(*), sum(value), min(value), max(value), min(value), max(value),
        max(ts), 0 FROM metrics_sample GROUP BY series_id, ts / {ms} * {ms}
"""


@dataclass(slots=True)
class Kept:
    """What came of it.

    `gone` counts rows, `days` the days that were dropped. Lists are sorted: how long each reading took, each step of
    retention, and how long a writer beside it waited for each of its turns. "Free" is a time less what this process and
    PostgreSQL's waited for a processor: as if the machine had nothing else to do.
    """

    samples: int = 0
    load_s: float = 0.0
    forget_s: float = 0.0
    is_done: bool = False
    gone: int = 0
    days: int = 0
    reads_ms: list[float] = field(default_factory=list)
    free_reads_ms: list[float] = field(default_factory=list)
    steps_ms: list[float] = field(default_factory=list)
    free_steps_ms: list[float] = field(default_factory=list)
    waits_ms: list[float] = field(default_factory=list)


def main(samples: int, runs: int) -> None:
    kept = Kept()
    started = time.perf_counter()
    load(samples)
    kept.load_s, kept.samples = time.perf_counter() - started, Sample.objects.count()
    measure_reading(kept, runs)
    measure_forgetting(kept)
    print(json.dumps(asdict(kept)))


def load(samples: int) -> None:
    now, each = now_ms(), samples // SERIES
    partitions.keep_days(now)
    source = Source.objects.ensure("shop", Source.Kind.PUSH)
    Series.objects.bulk_create(_series(source.pk, number, now, each) for number in range(SERIES))
    with connection.cursor() as cursor:
        sql = LOAD.format(numbers=NUMBERS[connection.vendor], order=ORDERS[connection.vendor])
        cursor.execute(sql, [each, now - each * INTERVAL_MS, INTERVAL_MS])
        for res in (60, 3600):
            cursor.execute(ROLL_UP.format(res=res, ms=res * 1000))
        cursor.execute("ANALYZE")
        if connection.vendor == "sqlite":
            # Otherwise the first step of retention would write what was loaded from the log into the file.
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _series(source: int, number: int, now: int, each: int) -> Series:
    labels = {"host": f"web-{number}"}
    key = series_key("load", tuple(labels.items()))
    return Series(
        source_id=source, name="load", labels=labels, key=key, last_ts=now, interval_ms=INTERVAL_MS, total=each
    )


def measure_reading(kept: Kept, runs: int) -> None:
    ids = list(Series.objects.values_list("pk", flat=True))
    for _ in range(runs):
        tiles = random.sample(ids, TILES)
        with noted(kept.reads_ms, kept.free_reads_ms):
            found = newest(tiles, POINTS)
        assert sum(map(len, found.values())) == TILES * POINTS
    kept.reads_ms.sort(), kept.free_reads_ms.sort()


@contextmanager
def noted(taken_ms: list[float], free_ms: list[float]) -> Iterator[None]:
    """Note how long a block takes, and how long it would on a machine that has nothing else to do."""
    pids = [os.getpid(), *([connection.connection.info.backend_pid] if connection.vendor == "postgresql" else [])]
    waited, began = waited_ns(*pids), time.perf_counter_ns()
    yield
    took = time.perf_counter_ns() - began
    taken_ms.append(took / 1e6)
    free_ms.append((took - waited_ns(*pids) + waited) / 1e6)


def measure_forgetting(kept: Kept) -> None:
    """One round of retention, step by step, as far as it comes in two minutes."""
    retention, now = Retention(), now_ms() + (LATER_MS if connection.vendor == "postgresql" else 0)
    before, days = _rows(), _days()
    with rival(kept):
        started = time.perf_counter()
        while not kept.is_done and time.perf_counter() - started < FORGET_S:
            with noted(kept.steps_ms, kept.free_steps_ms):
                kept.is_done = not retention.step(now)
            time.sleep(BETWEEN_S)
        kept.forget_s = time.perf_counter() - started
    kept.steps_ms.sort(), kept.free_steps_ms.sort()
    kept.gone, kept.days = before - _rows(), len(days - _days())


def _rows() -> int:
    return Sample.objects.count() + Rollup.objects.count()


def _days() -> set[str]:
    if connection.vendor != "postgresql":
        return set()
    with connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'metrics_sample'::regclass")
        return {name for (name,) in cursor.fetchall()}


@contextmanager
def rival(kept: Kept) -> Iterator[None]:
    """Somebody who writes beside the block."""
    command = [sys.executable, "-m", "benchmarks.harness.rival", os.environ["DATABASE_URL"]]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        process.stdout.readline()
        yield
        kept.waits_ms = sorted(json.loads(process.communicate()[0]))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
