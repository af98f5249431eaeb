"""How far apart a series' samples usually are, so that its silence can be told from its rhythm."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median_low


def observed_interval(known: int | None, last_ts: int | None, times: Sequence[int]) -> int | None:
    """The interval in ms after samples at `times` (sorted), moved from `known` towards what was just seen.

    It halves the way to a shorter interval at once, and grows by at most a half per batch, so that one long silence
    does not make a lively series look slow. Samples that are late (not after `last_ts`) say nothing.
    """
    fresh = [last_ts, *(ts for ts in times if ts > last_ts)] if last_ts is not None else list(times)
    seen = [after - before for before, after in pairwise(fresh)]
    if not seen:
        return known
    now = median_low(seen)
    if known is None:
        return now
    return (known + now) // 2 if now < known else min(now, known + known // 4 + 1)
