"""Reading what KPIs come to, for any number of KPIs at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from metrics.kpis.evaluation import BACK_MS, Evaluation, evaluate, live_tracks
from metrics.kpis.lines import Track
from metrics.kpis.models import KPI
from metrics.kpis.samples import Moment, Points, as_of, newest

READ = 64
"""Samples read of each series: 60 to draw, and a few so that a series of every second reaches back a minute."""
MOST_DRAWN = 50
"""A KPI of more series has no line: the samples of all of them would have to be read at each change."""

Member = tuple[int, int | None, int | None]
"""A series' id, its interval in ms and when its sender said that it ended (epoch ms)."""
Tracks = dict[int, Track]
"""By the series' id."""


def evaluate_all(kpis: Sequence[KPI], now: int) -> dict[int, Evaluation]:
    """The evaluation of each KPI by its id at `now` (epoch ms), in at most four queries."""
    members = _members(kpis)
    crowded = {kpi for kpi, rows in members.items() if len(rows) > MOST_DRAWN}
    few = {row[0] for kpi, rows in members.items() if kpi not in crowded for row in rows}
    many = {row[0] for kpi in crowded for row in members[kpi]} - few
    points = newest(few, READ) | newest(many, 1)
    tracks = {kpi.pk: _tracks(members[kpi.pk], points) for kpi in kpis}
    _look_back(kpis, tracks, now, many)
    return {kpi.pk: evaluate(kpi, list(tracks[kpi.pk].values()), now, with_line=kpi.pk not in crowded) for kpi in kpis}


def _members(kpis: Sequence[KPI]) -> Mapping[int, list[Member]]:
    links = KPI.series.through.objects.filter(kpi__in=[kpi.pk for kpi in kpis])
    out: defaultdict[int, list[Member]] = defaultdict(list)
    rows = links.values_list("kpi_id", "series_id", "series__interval_ms", "series__stale_at")
    for kpi, series, interval_ms, stale_at in rows:
        out[kpi].append((series, interval_ms, stale_at))
    return out


def _tracks(members: Sequence[Member], points: Mapping[int, Points]) -> Tracks:
    return {
        series: Track(points[series], interval_ms, stale_at)
        for series, interval_ms, stale_at in members
        if series in points
    }


def _look_back(kpis: Sequence[KPI], tracks: Mapping[int, Tracks], now: int, many: set[int]) -> None:
    """Give tracks their sample of a minute ago where the points that were read do not reach back that far."""
    wanted = {kpi.pk: _unreached(kpi, tracks[kpi.pk], now, many) for kpi in kpis}
    found = as_of({moment for moments in wanted.values() for moment in moments})
    for kpi, moments in wanted.items():
        for moment in moments:
            series = moment[0]
            tracks[kpi][series] = replace(tracks[kpi][series], earlier=found.get(moment))


def _unreached(kpi: KPI, tracks: Tracks, now: int, many: set[int]) -> list[Moment]:
    live = live_tracks(kpi, tracks.values(), now)
    if not live:
        return []
    back = max(track.at for track in live) - BACK_MS
    return [
        (series, back)
        for series, track in tracks.items()
        if track.points[0][0] > back and (len(track.points) >= READ or series in many)
    ]
