"""Deltas: what a counter grew by since its sender's last report, added up to the totals that other counters send.

They are added to the newest total of their series, in the order of their times. A delta that is late, that is, not
newer than the newest sample, is added to the newest total as well: the increase shows at the newest time instead of
its own, once and not twice, and no sample in between has to change. At the time of the late delta a sample is stored
that stands as high as the one before it; it keeps the delta from counting again when it is sent again.
"""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import accumulate

from metrics.series.bulk import SampleRow, levels, newest_totals, raise_newest, taken_times
from metrics.series.progress import Row

Deltas = dict[int, float]
"""By time, in epoch ms."""


def add_up(deltas: Sequence[SampleRow], held: Mapping[int, Row]) -> tuple[list[SampleRow], frozenset[int]]:
    """The deltas that are new as totals, to be stored, and the series whose newest sample was raised.

    `held` are the locked rows of the series. Of several deltas for one time the first counts.
    """
    by_series = _new(deltas)
    totals = newest_totals(list(by_series))
    standing = levels(
        [(series, ts) for series, new in by_series.items() for ts in new if _is_late(ts, held[series].last_ts)]
    )
    rows, raised = [], []
    for series, new in by_series.items():
        late = [amount for ts, amount in new.items() if (series, ts) in standing]
        fresh = {ts: amount for ts, amount in sorted(new.items()) if (series, ts) not in standing}
        if late and not fresh:
            raised.append((math.fsum(late), series, held[series].last_ts or 0))
        sums = list(accumulate(fresh.values(), _added, initial=_added(totals[series], math.fsum(late))))[1:]
        rows += [SampleRow(series, ts, total) for ts, total in zip(fresh, sums, strict=True)]
    raise_newest(raised)
    rows += [SampleRow(series, ts, level) for (series, ts), level in standing.items()]
    return rows, frozenset(series for _amount, series, _ts in raised)


def _new(deltas: Sequence[SampleRow]) -> dict[int, Deltas]:
    taken = taken_times([(series, ts) for series, ts, _value in deltas])
    by_series: defaultdict[int, Deltas] = defaultdict(dict)
    for series, ts, value in deltas:
        if (series, ts) not in taken:
            by_series[series].setdefault(ts, value)
    return by_series


def _is_late(ts: int, last_ts: int | None) -> bool:
    return last_ts is not None and ts < last_ts


def _added(total: float, amount: float) -> float:
    """The sum, kept within what a float holds: an infinite total could never move again."""
    return max(-sys.float_info.max, min(total + amount, sys.float_info.max))
