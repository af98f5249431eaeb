"""When a source is fetched next: spread over its interval while it answers, less and less often while it does not."""

from __future__ import annotations

import random

from live.clock import to_ms
from metrics.sources.models import Pull

LONGEST_PAUSE_MS = 300_000
GOLDEN = 0.618033988749895
"""Multiples of it fall evenly into the interval, however many sources there are."""


def is_due(pull: Pull, now: int) -> bool:
    """Whether it is to be fetched at `now` (epoch ms).

    A `due_at` that is too far ahead was set for a longer interval than the pull has now.
    """
    if pull.due_at is None:
        return True
    ahead = to_ms(pull.due_at) - now
    return ahead <= 0 or ahead > max(2 * pull.interval_s * 1000, LONGEST_PAUSE_MS)


def next_due(pull: Pull, now: int, failures: int) -> int:
    """When the next fetch is due (epoch ms), after one that began at `now`; `failures` is how many failed in a row."""
    return now + pause_ms(pull.interval_s, failures) if failures else _on_its_beat(pull, now)


def pause_ms(interval_s: int, failures: int) -> int:
    """How long to wait after so many failures in a row: the interval, then twice as long each time, up to 5 min (or
    the interval, where that is longer), less up to a quarter by chance."""
    doubled = interval_s * 1000 * 2 ** min(failures - 1, 20)
    return round(max(min(doubled, LONGEST_PAUSE_MS), interval_s * 1000) * random.uniform(0.75, 1.0))  # noqa: S311


def _on_its_beat(pull: Pull, now: int) -> int:
    """The source's next own moment of the interval that is at least half an interval away.

    It keeps to its beat across restarts and take-overs, and sources of the same interval have different ones.
    """
    interval = pull.interval_s * 1000
    beat = round(interval * (pull.source_id * GOLDEN % 1))
    earliest = now + interval // 2
    return earliest + (beat - earliest) % interval
