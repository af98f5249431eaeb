from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from live.announcements.topic import AnnouncementsTopic
from live.chat.models import Room
from live.chat.topic import RoomTopic
from live.chat.views import composer_context
from live.presence.topic import OnlineTopic
from live.push.fragments import addressed
from live.push.pages import page_state, socket_url
from live.push.topics import Log, Region, State
from live.requests import PageRequest
from metrics.boards import verbs
from metrics.boards.arrivals import KEY, PERMISSION, ArrivalsTopic
from metrics.boards.models import Board
from metrics.boards.topic import BoardTopic


@require_safe
def home(request: PageRequest) -> HttpResponse:
    """The default board, or the first one that the person may see."""
    found = Board.objects.visible_to(request.user).in_order().first()
    return _page(request, found) if found else _hidden(request)


@require_safe
def board(request: PageRequest, slug: str) -> HttpResponse:
    found = _visible_board(request, slug)
    return _page(request, found) if found else _hidden(request)


@require_POST
def make_tile(request: PageRequest, slug: str) -> HttpResponse:
    """Show a metric that arrives as a tile."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied(_("You may not add KPIs."))
    found = _visible_board(request, slug)
    if found is None:
        raise Http404(_("There is no such board."))
    try:
        kpi = verbs.make_tile(found, request.POST.get("metric", ""))
    except ValidationError as error:
        return _told(request, found, "error", error.messages[0], status=422)
    return _told(request, found, "success", _("%(name)s is on the board now.") % {"name": kpi.name})


def _visible_board(request: PageRequest, slug: str) -> Board | None:
    return Board.objects.visible_to(request.user).filter(slug=slug).first()


def _hidden(request: PageRequest) -> HttpResponse:
    """The answer for a board that is not there, and the same for one that this person may not see."""
    if request.user.is_authenticated:
        raise Http404(_("There is no such board."))
    return redirect_to_login(request.get_full_path())


def _page(request: PageRequest, board: Board) -> HttpResponse:
    state = page_state(BoardTopic(board.slug))
    if state is None:  # Removed since it was looked up.
        return _hidden(request)
    tiles, verdict, title = state.regions
    context = {
        "section": "boards",
        "board": board,
        "boards": Board.objects.visible_to(request.user).in_order(),
        "tiles": tiles,
        "verdict": verdict,
        "title": title,
        "arrivals": _arrivals(request),
        "socket": socket_url(f"/ws/boards/{board.slug}/"),
    }
    return render(request, "metrics/board.html", context | _beside(request, board))


def _arrivals(request: PageRequest) -> Region | Log | None:
    state = page_state(ArrivalsTopic(KEY)) if request.user.has_perm(PERMISSION) else None
    return state.regions[0] if state else None


def _beside(request: PageRequest, board: Board) -> dict[str, Any]:
    """The side column: what is announced now, who is online, and the board's room for those who may see it."""
    announced, online = page_state(AnnouncementsTopic("all")), page_state(OnlineTopic("all"))
    return {
        "now": _region(announced, "#announcements-now"),
        "online": _region(online, "#online-names"),
        "online_summary": _standing(online, "online-summary"),
    } | _room(request, board)


def _room(request: PageRequest, board: Board) -> dict[str, Any]:
    room = Room.objects.visible_to(request.user).filter(pk=board.room_id).first() if board.room_id else None
    state = page_state(RoomTopic(room.slug)) if room else None
    if room is None or state is None:
        return {"room": None, "log": None}
    return composer_context(room, request.user) | {"log": state.regions[0]}


def _region(state: State | None, target: str) -> Region | Log | None:
    return next((region for region in state.regions if region.target == target), None) if state else None


def _standing(state: State | None, part: str) -> Region | Log | None:
    """The region of a part that stands on its own."""
    found = (region for region in state.regions if [one.id for one in region.parts] == [part]) if state else iter(())
    return next(found, None)


def _told(request: PageRequest, board: Board, level: str, text: str, *, status: int = 200) -> HttpResponse:
    """Say how it went. With htmx the page stays, and its socket shows the rest."""
    if request.htmx:
        toast = render_to_string("pieces/toast.html", {"level": level, "text": text})
        return HttpResponse(addressed("#toasts", "innerHTML", toast), status=status)
    messages.add_message(request, messages.DEFAULT_LEVELS[level.upper()], text)
    return HttpResponseRedirect(reverse("board", args=[board.slug]), status=303)
