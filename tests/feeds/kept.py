"""What a server has stored, read without Django, which takes seconds to start."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import psycopg
import pytest

from tests.faults.crowd import until
from tests.servers.watchfloor import Watchfloor

Key = tuple[str, tuple[tuple[str, str], ...]]
"""A series: its name, and its labels by name."""
Samples = dict[Key, dict[int, float]]
"""Values by time (epoch ms) of each series."""

SERIES = "metrics_series JOIN metrics_source ON metrics_source.id = source_id"
OF_SOURCE = "FROM {table} JOIN metrics_series ON metrics_series.id = series_id JOIN metrics_source ON source_id = "
OF_SOURCE += "metrics_source.id WHERE metrics_source.name = %s"
SAMPLES = f"SELECT metrics_series.name, metrics_series.labels, ts, value {OF_SOURCE.format(table='metrics_sample')}"
ROLLUPS = "SELECT metrics_series.name, metrics_series.labels, res, t, n, sum, min, max, first, last, inc "
ROLLUPS += OF_SOURCE.format(table="metrics_rollup")
ENDS = (
    f"SELECT metrics_series.name, metrics_series.labels, last_ts, stale_at FROM {SERIES} WHERE metrics_source.name = %s"
)
DIRTY = f"SELECT count(*) FROM {SERIES} WHERE metrics_source.name = %s AND dirty_from IS NOT NULL"
LATE = f"SELECT count(*) {OF_SOURCE.format(table='metrics_latehour')}"
RESOLUTIONS = (10, 60, 3600)
ROLLED_UP_S = 30.0


def key_of(name: str, labels: Mapping[str, str]) -> Key:
    return name, tuple(sorted(labels.items()))


def rows(server: Watchfloor, sql: str, *parameters: Any) -> list[tuple]:
    url = server.environment["DATABASE_URL"]
    if url.startswith("sqlite"):
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=30)) as connection:
            return connection.execute(sql.replace("%s", "?"), parameters).fetchall()
    with psycopg.connect(url) as connection:
        return connection.execute(sql.encode(), parameters).fetchall()


def samples(server: Watchfloor, source: str) -> Samples:
    found: Samples = defaultdict(dict)
    for name, labels, ts, value in rows(server, SAMPLES, source):
        times = found[kept_key(name, labels)]
        assert ts not in times, f"{name} at {ts} is there twice"
        times[ts] = value
    return dict(found)


def values(server: Watchfloor, source: str) -> dict[Key, list[float]]:
    """The values of each series, in the order of their times."""
    return {key: [value for _ts, value in sorted(times.items())] for key, times in samples(server, source).items()}


def ended(server: Watchfloor, source: str) -> dict[Key, bool]:
    """Whether the sender has said of a series that it ended, and sent none since."""
    found = rows(server, ENDS, source)
    return {
        kept_key(name, labels): stale_at is not None and stale_at >= (last or 0)
        for name, labels, last, stale_at in found
    }


def assert_rolled_up(server: Watchfloor, source: str) -> int:
    """The roll-ups are what the samples come to, each counted once; how many roll-ups there are.

    To be called when nobody sends any more; waits for those that are still to be computed.
    """
    until(lambda: not _open(server, source), ROLLED_UP_S, "everything is rolled up")
    known, kept = samples(server, source), rows(server, ROLLUPS, source)
    found: dict[tuple[Key, int], dict[int, tuple]] = defaultdict(dict)
    for name, labels, res, t, *figures in kept:
        found[kept_key(name, labels), res][t] = tuple(figures)
    assert found.keys() == {(key, res) for key in known for res in RESOLUTIONS}
    for (key, res), buckets in found.items():
        _assert_same(key, buckets, known[key], res * 1000)
    return len(kept)


def _assert_same(key: Key, buckets: Mapping[int, tuple], times: Mapping[int, float], ms: int) -> None:
    inside: dict[int, list[float]] = defaultdict(list)
    for ts, value in sorted(times.items()):
        inside[ts // ms * ms].append(value)
    assert {t: figures[0] for t, figures in buckets.items()} == {t: len(all_) for t, all_ in inside.items()}, key
    for t, (_n, total, low, high, first, last, _inc) in buckets.items():
        there = inside[t]
        assert (low, high, first, last) == (min(there), max(there), there[0], there[-1]), (key, t)
        assert total == pytest.approx(sum(there)), (key, t)
    steps = pairwise(value for _ts, value in sorted(times.items()))
    increase = sum(after - before if after >= before else after for before, after in steps)
    assert sum(figures[-1] for figures in buckets.values()) == pytest.approx(increase), key


def _open(server: Watchfloor, source: str) -> bool:
    return any(rows(server, sql, source) != [(0,)] for sql in (DIRTY, LATE))


def kept_key(name: str, labels: Any) -> Key:
    return key_of(name, json.loads(labels) if isinstance(labels, str) else labels)
