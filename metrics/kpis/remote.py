"""KPIs whose numbers stay where they are: a PromQL server is asked, and of its answers only the last line is kept.

Such a KPI has a source of the kind "promql", and its `metric` is the expression.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from django.db import transaction
from django.db.models import F

from metrics.boards.models import Board
from metrics.kpis.lines import Track
from metrics.kpis.models import KPI, RemoteWindow

POINTS = 64
"""Kept of each series: 60 to draw, and a few so that a series of every second reaches back a minute."""
MOST_SERIES = 50

Labels = tuple[tuple[str, str], ...]
Points = dict[int, float]
"""Values by time (epoch ms)."""
Tracks = dict[Labels, Points]


def asked_of(source: int) -> list[KPI]:
    """The KPIs whose expressions the source is asked for, with their windows; the one that waited longest first."""
    kpis = KPI.objects.filter(source=source).select_related("window", "source")
    return list(kpis.order_by(F("window__asked_at").asc(nulls_first=True), "pk"))


def window_of(kpi: KPI, interval_ms: int) -> RemoteWindow | None:
    """What is known of the KPI as it is now; None when that is nothing, or of another expression or interval."""
    window: RemoteWindow | None = getattr(kpi, "window", None)
    if window is None or window.interval_ms != interval_ms or not _is_of(window, kpi):
        return None
    return window


def window_after(kpi: KPI, answers: Iterable[Tracks], *, at: int, interval_ms: int) -> RemoteWindow:
    """The KPI's window with what was answered at `at` (epoch ms), not stored yet.

    What is known already stays in it for as long as a line is: the answers need not go back so far.
    """
    known = window_of(kpi, interval_ms)
    tracks: defaultdict[Labels, Points] = defaultdict(dict)
    for one in (_tracks(known) if known else {}, *answers):
        for labels, points in one.items():
            tracks[labels] |= points
    oldest = at - (POINTS - 1) * interval_ms
    kept = {labels: _newest(points, oldest) for labels, points in sorted(tracks.items())}
    rows = [{"labels": dict(labels), "points": points} for labels, points in kept.items() if points]
    return RemoteWindow(
        kpi=kpi, source=kpi.source, expression=kpi.metric, asked_at=at, interval_ms=interval_ms, tracks=rows
    )


def replace_windows(windows: Sequence[RemoteWindow]) -> None:
    """Store the windows in place of the KPIs' old ones and show the boards anew; one of a changed KPI is dropped."""
    with transaction.atomic():
        # In id order, so that two transactions cannot wait for each other.
        kpis = KPI.objects.select_for_update().order_by("pk").in_bulk([window.kpi_id for window in windows])
        kept = [window for window in windows if window.kpi_id in kpis and _is_of(window, kpis[window.kpi_id])]
        RemoteWindow.objects.bulk_create(
            kept,
            update_conflicts=True,
            unique_fields=["kpi"],
            update_fields=["source", "expression", "asked_at", "interval_ms", "tracks"],
        )
        shown = KPI.objects.filter(pk__in=[window.kpi_id for window in kept])
        shown.update(version=F("version") + 1)
        Board.objects.filter(kpis__in=shown).distinct().shown_anew()


def remote_tracks(kpis: Collection[KPI]) -> dict[int, list[Track]]:
    """The series of those KPIs that have a window, by the KPI's id; one query, and none when no KPI has a source."""
    by_id = {kpi.pk: kpi for kpi in kpis if kpi.source_id is not None}
    windows = RemoteWindow.objects.filter(kpi__in=by_id) if by_id else ()
    return {
        window.kpi_id: [
            Track([(ts, value) for ts, value in track["points"]], window.interval_ms) for track in window.tracks
        ]
        for window in windows
        if _is_of(window, by_id[window.kpi_id])
    }


def _is_of(window: RemoteWindow, kpi: KPI) -> bool:
    return (window.source_id, window.expression) == (kpi.source_id, kpi.metric)


def _tracks(window: RemoteWindow) -> Tracks:
    return {tuple(sorted(track["labels"].items())): dict(map(tuple, track["points"])) for track in window.tracks}


def _newest(points: Points, oldest: int) -> list[tuple[int, float]]:
    return sorted((ts, value) for ts, value in points.items() if ts >= oldest)[-POINTS:]
