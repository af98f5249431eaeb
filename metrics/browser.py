"""The series browser: what has been sent, each with its last value, and the way from a series to a tile."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from live.clock import from_ms, now_ms
from live.push.pages import socket_url
from metrics.boards.models import Board
from metrics.boards.verbs import make_tile
from metrics.charts import Drawing, sparkline
from metrics.kpis.lines import Track, drawn
from metrics.kpis.numbers import number, unit_of
from metrics.kpis.samples import Points, newest
from metrics.kpis.staleness import stale_after_ms
from metrics.series.models import Series
from metrics.series.search import LONGEST, find

SEE, ADD = "metrics.view_series", "metrics.add_kpi"
POINTS = 60


@dataclass(frozen=True, slots=True)
class Row:
    """A series as the page shows it. `value` and `unit` are in the reader's language; `at` is None before the first
    sample, `seconds` is how long ago that was, and `is_stale` says that it ended or that more should have come."""

    pk: int
    name: str
    labels: Sequence[tuple[str, str]]
    source: str
    value: str
    unit: str
    at: datetime | None
    seconds: float
    is_stale: bool
    drawing: Drawing | None


@require_safe
@never_cache
def series(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm(SEE):
        return _hidden(request)
    query, now = request.GET.get("q", "")[:LONGEST].strip(), now_ms()
    found = find(query, request.GET.get("after", ""))
    context = {
        "socket": socket_url("/ws/notifications/"),
        "query": query,
        "rows": list(_rows(found.series, now)),
        "at": from_ms(now),
        "is_first": "after" not in request.GET,
        "next": urlencode({"q": query, "after": found.after}) if found.after else "",
        "may_add": request.user.has_perm(ADD),
    }
    return render(request, "metrics/series.html", context)


@require_POST
def make_kpi(request: HttpRequest, number: int) -> HttpResponse:
    """Put a KPI of exactly this series on the default board, and lead there."""
    if not request.user.has_perm(ADD):
        raise PermissionDenied(_("You may not add KPIs."))
    chosen = get_object_or_404(Series.objects.select_related("source"), pk=number)
    board = Board.objects.visible_to(request.user).filter(is_default=True).first()
    if board is None:
        raise Http404(_("There is no such board."))
    try:
        kpi = make_tile(board, chosen.name, source=chosen.source, labels=chosen.labels)
    except ValidationError as error:
        messages.error(request, error.messages[0])
        return HttpResponseRedirect(_back(chosen), status=303)
    messages.success(request, _("%(name)s is on the board now.") % {"name": kpi.name})
    return HttpResponseRedirect(f"{reverse('board', args=[board.slug])}#tile-{kpi.slug}", status=303)


def _back(chosen: Series) -> str:
    return f"{reverse('series')}?{urlencode({'q': chosen.name})}"


def _hidden(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        raise PermissionDenied(_("Only staff may see series."))
    return redirect_to_login(request.get_full_path())


def _rows(found: Sequence[Series], now: int) -> Iterable[Row]:
    points = newest([one.pk for one in found], POINTS)
    return (_row(one, points.get(one.pk, []), now) for one in found)


def _row(one: Series, points: Points, now: int) -> Row:
    at, value = points[-1] if points else (None, None)
    track = Track(points, one.interval_ms)
    return Row(
        pk=one.pk,
        name=one.name,
        labels=sorted(one.labels.items()),
        source=one.source.name,
        value=number(value, one.unit),
        unit=unit_of(value, one.unit),
        at=None if at is None else from_ms(at),
        seconds=(now - (at or now)) / 1_000,
        is_stale=at is not None and _is_stale(one, at, now),
        drawing=_drawing(track) if points else None,
    )


def _is_stale(one: Series, at: int, now: int) -> bool:
    ended = one.stale_at is not None and one.stale_at >= at
    return ended or now - at > stale_after_ms(one.interval_ms)


def _drawing(track: Track) -> Drawing | None:
    line = drawn([track], track.interval_ms or 1_000)
    return sparkline(line.line, start=line.start, end=line.end)
