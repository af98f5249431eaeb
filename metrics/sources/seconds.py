"""Ticks on the full second, so that what different processes measure stands side by side."""

from __future__ import annotations

LATE_S = 0.005
"""A tick lands a little after the full second, never before it."""


def next_second(now: float) -> float:
    """Seconds from `now` (epoch seconds) to the next tick; ticks that were missed are skipped."""
    return 1.0 - now % 1.0 + LATE_S
