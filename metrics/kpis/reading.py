"""Reading what KPIs come to, for any number of KPIs at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from metrics.kpis.evaluation import BACK_MS, Evaluation, compared_with, evaluate, live_tracks
from metrics.kpis.lines import COUNT, Track
from metrics.kpis.models import KPI
from metrics.kpis.remote import remote_tracks
from metrics.kpis.samples import Moment, Points, as_of, newest
from metrics.kpis.staleness import stale_after_ms

READ = 64
"""Samples read of each series: 60 to draw, and a few so that a series of every second reaches back a minute."""
MOST_DRAWN = 50
"""A KPI of more series has no line: the samples of all of them would have to be read at each change."""


class Member(NamedTuple):
    """A series of a KPI. Times in epoch ms; `stale_at` is when its sender said that it ended."""

    series: int
    interval_ms: int | None
    stale_at: int | None
    last_ts: int


Tracks = dict[int, Track]
"""By the series' id."""


def evaluate_all(kpis: Sequence[KPI], now: int) -> dict[int, Evaluation]:
    """The evaluation of each KPI by its id at `now` (epoch ms), in at most five queries."""
    members = {kpi.pk: _recent(kpi, rows, now) for kpi, rows in _members(kpis)}
    crowded = {kpi for kpi, rows in members.items() if len(rows) > MOST_DRAWN}
    few = {row.series for kpi, rows in members.items() if kpi not in crowded for row in rows}
    many = {row.series for kpi in crowded for row in members[kpi]} - few
    points = newest(few, READ) | newest(many, 1)
    tracks = {kpi.pk: _tracks(members[kpi.pk], points) for kpi in kpis}
    _look_back(kpis, tracks, now, many)
    remote = remote_tracks(kpis)
    return {
        kpi.pk: evaluate(kpi, [*tracks[kpi.pk].values(), *remote.get(kpi.pk, ())], now, with_line=kpi.pk not in crowded)
        for kpi in kpis
    }


def _members(kpis: Sequence[KPI]) -> Iterator[tuple[KPI, list[Member]]]:
    links = KPI.series.through.objects.filter(kpi__in=[kpi.pk for kpi in kpis])
    out: defaultdict[int, list[Member]] = defaultdict(list)
    columns = ("series_id", "series__interval_ms", "series__stale_at", "series__last_ts")
    for kpi_id, *row in links.filter(series__last_ts__isnull=False).values_list("kpi_id", *columns):
        out[kpi_id].append(Member(*row))
    return ((kpi, out[kpi.pk]) for kpi in kpis)


def _recent(kpi: KPI, members: Sequence[Member], now: int) -> list[Member]:
    """Those that the value, the change or the line may still show: every restart of a sender may leave a series."""
    # A sender whose clock is ahead does not make the others look old.
    newest = min(max((member.last_ts for member in members), default=0), now)
    return [member for member in members if newest - member.last_ts <= _horizon_ms(kpi, member)]


def _horizon_ms(kpi: KPI, member: Member) -> int:
    patience = stale_after_ms(member.interval_ms, kpi.stale_after_s)
    return max(COUNT * (member.interval_ms or 0), BACK_MS + patience)


def _tracks(members: Sequence[Member], points: Mapping[int, Points]) -> Tracks:
    return {
        member.series: Track(points[member.series], member.interval_ms, member.stale_at)
        for member in members
        if member.series in points
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
    back = compared_with(live, now)
    return [
        (series, back)
        for series, track in tracks.items()
        if track.points[0][0] > back and (len(track.points) >= READ or series in many)
    ]
