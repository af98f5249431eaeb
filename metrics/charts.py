"""The geometry of drawings: numbers in, SVG path data out. Knows no database, no template and no language."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 300, 60
"""The size of a sparkline's view box; the page stretches it."""
MARGIN = 0.1
"""The share of the height that is left free above the highest and below the lowest point."""
MOST = 240
"""Points drawn at most; more are thinned."""
LEAST_SPAN = 0.05
"""The share of a value that fills the height: what moves less looks as calm as it is."""
DOT = 3.0
"""The length of the dash that stands for a single point."""

Point = tuple[float, float | None]
"""A place on the time axis and a value; None is a gap."""
Run = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Drawing:
    """`line` and `area` are path data. `limit_y` is where a limit lies."""

    line: str
    area: str
    limit_y: float | None


def sparkline(
    points: Sequence[Point],
    *,
    start: float,
    end: float,
    limit: float | None = None,
    width: int = WIDTH,
    height: int = HEIGHT,
) -> Drawing | None:
    """Draw the points from `start` to `end` of the time axis; None when nothing lies there.

    Lines break at gaps, a single point is a short dash, and a line without ups and downs runs through the middle. A
    limit is always in view.
    """
    shown = thinned([point for point in points if start <= point[0] <= end], MOST)
    values = [value for _x, value in shown if value is not None]
    if not values:
        return None
    bottom, top = _calm([*values, *([] if limit is None else [limit])])
    across = Scale(start, end, 0, width)
    up = Scale(bottom, top, height * (1 - MARGIN), height * MARGIN)
    placed = [(across(x), None if value is None else up(value)) for x, value in shown]
    drawn = [_visible(run, width) for run in runs(placed)]
    texts = [(run[0][0], run[-1][0], _joined(run)) for run in drawn]
    return Drawing(
        line="".join(f"M{joined}" for _left, _right, joined in texts),
        area="".join(f"M{left:.1f} {height}L{joined}L{right:.1f} {height}Z" for left, right, joined in texts),
        limit_y=None if limit is None else round(up(limit), 1),
    )


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight mapping of [low, high] to [first, last]. Where low and high are one, everything is in the middle."""

    low: float
    high: float
    first: float
    last: float

    def __call__(self, value: float) -> float:
        # Halves, because the distance of two floats can be larger than any float.
        span = self.high / 2 - self.low / 2
        share = (value / 2 - self.low / 2) / span if span else 0.5
        return self.first + share * (self.last - self.first)


def thinned(points: Sequence[Point], most: int) -> Sequence[Point]:
    """At most about `most` points that keep every bucket's extremes, so that no spike is lost; gaps are kept.

    Never take every n-th point instead: it loses what lies between.
    """
    if len(points) <= most:
        return points
    size = -(-len(points) * 2 // most)
    buckets = (points[start : start + size] for start in range(0, len(points), size))
    return [point for bucket in buckets for point in _extremes(bucket)]


def runs(points: Iterable[Point]) -> Iterator[Run]:
    """The stretches between gaps."""
    run: Run = []
    for x, value in points:
        if value is not None:
            run.append((x, value))
        elif run:
            yield run
            run = []
    if run:
        yield run


def _calm(values: Sequence[float]) -> tuple[float, float]:
    """The range to draw: from the lowest to the highest, and no less than a twentieth of the larger of the two."""
    low, high = min(values), max(values)
    missing = max(abs(low), abs(high)) * LEAST_SPAN - (high / 2 - low / 2) * 2
    if low == high or not 0 < missing < math.inf:
        return low, high
    return max(low - missing / 2, -sys.float_info.max), min(high + missing / 2, sys.float_info.max)


def _extremes(bucket: Sequence[Point]) -> list[Point]:
    known = [(value, index) for index, (_x, value) in enumerate(bucket) if value is not None]
    kept = {min(known)[1], max(known)[1]} if known else set()
    return [point for index, point in enumerate(bucket) if index in kept or point[1] is None]


def _visible(run: Run, width: int) -> Run:
    if len(run) > 1:
        return run
    x, y = run[0]
    left = min(max(0.0, x - DOT / 2), width - DOT)
    return [(left, y), (left + DOT, y)]


def _joined(run: Run) -> str:
    return "L".join([f"{x:.1f} {y:.1f}" for x, y in run])
