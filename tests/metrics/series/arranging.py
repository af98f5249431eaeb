"""Readings for tests, with what does not matter to them filled in."""

from __future__ import annotations

from metrics.series.readings import Identity, Reading, sorted_labels
from metrics.series.retention import Retention

T0 = 1_795_154_400_000
"""A full minute, in epoch ms."""


def reading(source: int, ts: int = T0, value: float = 1.0, *, metric: str = "orders", **labels: str) -> Reading:
    return Reading(Identity(source, metric, sorted_labels(labels)), ts, value)


def expire(now: int) -> int:
    """One whole round of retention; how many steps it took."""
    retention, steps = Retention(), 1
    while retention.step(now):
        steps += 1
    return steps
