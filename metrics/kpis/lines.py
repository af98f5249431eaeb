"""The line that a tile draws: the newest samples of a KPI's series, summed, with gaps where samples are missing."""

from __future__ import annotations

import math
import sys
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from metrics.kpis.staleness import INTERVALS, UNKNOWN_MS

COUNT = 60
"""Points of a line."""

Line = tuple[tuple[int, float | None], ...]
"""Pairs of ts (epoch ms) and value, oldest first; None is a gap."""


@dataclass(frozen=True, slots=True)
class Track:
    """What is known of one series: its newest samples, oldest first, as pairs of ts (epoch ms) and value.

    `stale_at` is when the sender itself said that the series ended. `earlier` is a sample from before `points`, for
    the comparison with a minute ago.
    """

    points: Sequence[tuple[int, float]]
    interval_ms: int | None = None
    stale_at: int | None = None
    earlier: tuple[int, float] | None = None

    @property
    def at(self) -> int:
        return self.points[-1][0]

    @property
    def value(self) -> float:
        return self.points[-1][1]

    @property
    def reach_ms(self) -> int:
        """The longest distance between two samples that is no gap."""
        return INTERVALS * self.interval_ms if self.interval_ms else UNKNOWN_MS

    def is_gap(self, ts: int, following: int) -> bool:
        """Whether the series was silent, or had ended, between two samples that follow each other."""
        has_ended = self.stale_at is not None and ts <= self.stale_at < following
        return has_ended or following - ts > self.reach_ms


@dataclass(frozen=True, slots=True)
class Drawn:
    """A line and the stretch of time (epoch ms) that its drawing shows."""

    line: Line = ()
    start: int = 0
    end: int = 0


def drawn(tracks: Sequence[Track], step: int) -> Drawn:
    """The newest 60 points of one series as they came, or the sum of several at steps of `step` ms."""
    end = max(track.at for track in tracks)
    if len(tracks) > 1:
        start = end - (COUNT - 1) * step
        return Drawn(_summed(tracks, range(start, end + 1, step)), start, end)
    points = tracks[0].points[-COUNT:]
    # A series that has just begun grows from the right: its drawing is as wide as 60 points will be.
    start = points[0][0] if len(points) == COUNT else min(points[0][0], end - (COUNT - 1) * step)
    return Drawn(_broken(points, tracks[0].is_gap), start, end)


def added(values: Iterable[float]) -> float:
    """The sum, whatever the order of adding. Beyond the range of a float it is the largest float."""
    numbers = list(values)
    try:
        return math.fsum(numbers)
    except OverflowError:
        return math.copysign(sys.float_info.max, sum(number / len(numbers) for number in numbers))


def _broken(points: Sequence[tuple[int, float]], is_gap: Callable[[int, int], bool]) -> Line:
    out: list[tuple[int, float | None]] = []
    for ts, value in points:
        if out and is_gap(out[-1][0], ts):
            out.append((ts, None))
        out.append((ts, value))
    return tuple(out)


def _summed(tracks: Sequence[Track], moments: range) -> Line:
    columns = zip(*(_sampled(track, moments) for track in tracks), strict=True)
    known = ([value for value in column if value is not None] for column in columns)
    return tuple((ts, added(values) if values else None) for ts, values in zip(moments, known, strict=True))


def _sampled(track: Track, moments: range) -> list[float | None]:
    """The series' value at each moment; None before its first sample and in its gaps."""
    times = [ts for ts, _value in track.points]
    ends = list(_ends(times, track))
    before = [bisect_right(times, moment) - 1 for moment in moments]
    return [
        track.points[at][1] if at >= 0 and moment < ends[at] else None
        for moment, at in zip(moments, before, strict=True)
    ]


def _ends(times: Sequence[int], track: Track) -> Iterator[int]:
    """How long each sample stands: until the next one or, before a gap, for one interval."""
    for ts, following in pairwise(times):
        yield ts + track.reach_ms // INTERVALS if track.is_gap(ts, following) else following
    yield times[-1] + track.reach_ms + 1
