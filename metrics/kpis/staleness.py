"""When a series counts as silent."""

from __future__ import annotations

INTERVALS = 3
SHORTEST_MS = 5_000
"""A series that comes every second may miss a few ticks (a slow commit, a restart) before its tile turns grey."""
UNKNOWN_MS = 60_000
"""For a series with one sample, whose interval nobody knows yet."""


def stale_after_ms(interval_ms: int | None, own_s: int | None = None) -> int:
    """How long after its newest sample a series turns stale.

    Three of its observed intervals, and no sooner than 5 s; `own_s` (the KPI's setting, in seconds) goes before both.
    """
    if own_s is not None:
        return own_s * 1000
    if interval_ms is None:
        return UNKNOWN_MS
    return max(INTERVALS * interval_ms, SHORTEST_MS)
