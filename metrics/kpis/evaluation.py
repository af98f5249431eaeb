"""What a KPI comes to at a moment: its value, how it stands, how it moved, and when silence will change that.

Everything here is pure: samples in, an `Evaluation` out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from metrics.kpis.lines import Drawn, Track, added, drawn
from metrics.kpis.models import KPI, Direction, Polarity
from metrics.kpis.staleness import stale_after_ms

BACK_MS = 60_000
"""A change is against the value of a minute ago."""
NEUTRAL = 0.01
"""A change of less than this share of the earlier value counts as none."""

NO_LINE = Drawn()

Status = Literal["ok", "warn", "crit", "stale", "none"]


@dataclass(frozen=True, slots=True)
class Change:
    """Against a minute ago: in percent of the value then, or in percentage points where the unit is %.

    `tone` says whether the direction is welcome.
    """

    direction: Literal["up", "down", "flat"]
    tone: Literal["good", "bad", "flat"]
    amount: float
    percent: bool


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Times in epoch ms. `at` is the time of the newest sample in `value`, which is the sum over `live` series.

    A stale KPI keeps its last value; `stale_since` is when it was measured. `limit` is the limit that the value is
    beyond. `stale_after_ms` is the patience of the series that turns stale first, at `next_change_at`; `paced` says
    that it follows from how often samples come, which nobody knows after a single one.
    """

    status: Status = "none"
    value: float | None = None
    at: int | None = None
    live: int = 0
    change: Change | None = None
    limit: float | None = None
    drawn: Drawn = NO_LINE
    stale_since: int | None = None
    stale_after_ms: int = 0
    paced: bool = True
    next_change_at: int | None = None


NOTHING = Evaluation()


def evaluate(kpi: KPI, tracks: Sequence[Track], now: int, *, with_line: bool = True) -> Evaluation:
    """What the KPI comes to at `now` (epoch ms), from tracks that have at least one point each."""
    if not tracks:
        return NOTHING
    live = live_tracks(kpi, tracks, now)
    if not live:
        return _stale(kpi, tracks, with_line)
    at = max(track.at for track in live)
    value = added(track.value for track in live)
    status, limit = judged(kpi, value)
    next_change_at, patience = min((turns_stale_at(kpi, track), _patience(kpi, track)) for track in live)
    return Evaluation(
        status=status,
        value=value,
        at=at,
        live=len(live),
        change=changed(kpi, value, _before(kpi, tracks, compared_with(live, now))),
        limit=limit,
        drawn=_drawn(tracks, live) if with_line else NO_LINE,
        stale_after_ms=patience,
        paced=kpi.stale_after_s is not None or all(track.interval_ms is not None for track in live),
        next_change_at=next_change_at,
    )


def judged(kpi: KPI, value: float) -> tuple[Status, float | None]:
    """The status of a live value, and the limit that it is beyond. At a limit it is still within."""
    if beyond(kpi, value, kpi.critical):
        return "crit", kpi.critical
    if beyond(kpi, value, kpi.warn):
        return "warn", kpi.warn
    return "ok", None


def beyond(kpi: KPI, value: float, limit: float | None) -> bool:
    if limit is None:
        return False
    return value > limit if kpi.direction == Direction.ABOVE else value < limit


def changed(kpi: KPI, value: float, before: float | None) -> Change | None:
    """The change from `before` to `value`; None when there was nothing then, or nothing to take a share of."""
    if before is None or (before == 0 and value != 0 and kpi.unit != "%"):
        return None
    moved = value - before
    percent = kpi.unit != "%"
    amount = moved / abs(before) * 100 if percent and moved else moved
    if not math.isfinite(amount):
        return None
    if abs(moved) < abs(before) * NEUTRAL or not moved:
        return Change("flat", "flat", amount, percent)
    return Change("up" if moved > 0 else "down", _tone(kpi, moved), amount, percent)


def live_tracks(kpi: KPI, tracks: Iterable[Track], now: int) -> list[Track]:
    return [track for track in tracks if turns_stale_at(kpi, track) > now]


def compared_with(live: Iterable[Track], now: int) -> int:
    """The moment that a change goes back to: a minute before the newest sample, whose sender's clock may be ahead."""
    return min(max(track.at for track in live), now) - BACK_MS


def turns_stale_at(kpi: KPI, track: Track) -> int:
    """When the series counts as silent unless a sample comes: by the clock, or because the sender said so."""
    by_clock = track.at + _patience(kpi, track)
    if track.stale_at is None or track.stale_at < track.at:
        return by_clock
    return min(by_clock, track.stale_at)


def _stale(kpi: KPI, tracks: Sequence[Track], with_line: bool) -> Evaluation:
    at = max(track.at for track in tracks)
    last = [track for track in tracks if track.at + _patience(kpi, track) > at]
    drawing = _drawn(tracks, last) if with_line else NO_LINE
    # The drawing goes on without the line, so that the silence is seen.
    drawing = replace(drawing, end=drawing.end + (drawing.end - drawing.start) // 4)
    return Evaluation("stale", added(track.value for track in last), at, drawn=drawing, stale_since=at)


def _drawn(tracks: Sequence[Track], recent: Sequence[Track]) -> Drawn:
    intervals = [track.interval_ms for track in recent if track.interval_ms]
    return drawn(tracks, min(intervals, default=1000))


def _before(kpi: KPI, tracks: Iterable[Track], moment: int) -> float | None:
    found = [_as_of(kpi, track, moment) for track in tracks]
    values = [value for value in found if value is not None]
    return added(values) if values else None


def _as_of(kpi: KPI, track: Track, moment: int) -> float | None:
    """The series' value at the moment; None when it was silent then."""
    past = [point for point in track.points if point[0] <= moment]
    point = past[-1] if past else track.earlier
    return point[1] if point and point[0] + _patience(kpi, track) > moment else None


def _tone(kpi: KPI, moved: float) -> Literal["good", "bad", "flat"]:
    if kpi.polarity == Polarity.NEUTRAL:
        return "flat"
    return "good" if (moved > 0) == (kpi.polarity == Polarity.UP_GOOD) else "bad"


def _patience(kpi: KPI, track: Track) -> int:
    return stale_after_ms(track.interval_ms, kpi.stale_after_s)
