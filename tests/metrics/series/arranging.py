"""Readings for tests, with what does not matter to them filled in."""

from __future__ import annotations

from metrics.series.readings import Identity, Reading, sorted_labels

T0 = 1_795_154_400_000
"""A full minute, in epoch ms."""


def reading(source: int, ts: int = T0, value: float = 1.0, *, metric: str = "orders", **labels: str) -> Reading:
    return Reading(Identity(source, metric, sorted_labels(labels)), ts, value)
