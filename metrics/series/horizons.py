"""How long things are kept, and from when on they are closed.

A sample is taken as long as the raw samples of its hour are whole, so that its buckets can be computed anew. Raw
samples are deleted by whole hours (SQLite) or days (PostgreSQL), an hour after no sample of theirs is taken any more;
what was late finds its bucket whole.
"""

from __future__ import annotations

from django.conf import settings

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
RESOLUTIONS = (10, 60, 3600)
"""The lengths of roll-ups, in seconds."""
FINEST, COARSEST = RESOLUTIONS[0], RESOLUTIONS[-1]


def raw_retention_ms() -> int:
    """How old a sample may be when it comes in."""
    return settings.RETENTION["raw"]


def closed_before(now: int) -> int:
    """The raw samples before this time (epoch ms) go, and their buckets stay as they are."""
    return (now - raw_retention_ms()) // HOUR_MS * HOUR_MS - HOUR_MS


def rollups_before(res: int, now: int) -> int:
    """The roll-ups of this resolution (in seconds) go whose bucket began before this time (epoch ms).

    The hours are computed from the minutes, which therefore outlive the raw samples whatever the settings say.
    """
    cutoff = now - settings.RETENTION[f"rollup_{res}"]
    return min(cutoff, closed_before(now)) if res > FINEST else cutoff
