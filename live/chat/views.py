from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from live.chat import verbs
from live.chat.models import Message, Room
from live.chat.topic import PAGE, RoomTopic, line_part, log_parts
from live.push.consumers import Refused
from live.push.fragments import addressed
from live.push.pages import page_state, socket_url
from live.push.rendering import print_part
from live.push.topics import Log, Part


@require_safe
def rooms(request: HttpRequest) -> HttpResponse:
    context = {"rooms": _rooms(request), "socket": socket_url(request, "/ws/notifications/")}
    return render(request, "live/rooms.html", context)


@require_safe
def room(request: HttpRequest, room: str) -> HttpResponse:
    found = _visible_room(request, room)
    if found is None:
        return _hidden(request)
    if "before" in request.GET:
        return _older(request, found, _number(request.GET["before"]))
    state = page_state(RoomTopic(found.slug))
    if state is None:  # Removed since the line above.
        return _hidden(request)
    return _page(request, found, state.regions[0])


@require_POST
def post_message(request: HttpRequest, room: str) -> HttpResponse:
    """Answer with the message and a fresh form, or with the same form, the draft and what is wrong with it."""
    if not request.user.is_authenticated and request.htmx:  # Signed out since the page was opened.
        return HttpResponse(_told(_("Sign in to write.")), status=403)
    found = _room_to_write_in(request, room)
    body, cid = request.POST.get("message", ""), request.POST.get("cid", "")
    try:
        message = verbs.post_message(found, request.user, body, cid)
    except ValidationError as error:
        return _composer_again(request, found, cid=cid, error=error.messages[0], draft=body)
    if not request.htmx:
        return _back_to(found)
    composer = render_to_string("live/_composer.html", composer_context(found, request.user), request)
    return HttpResponse(composer + _upserted(found, message))


@require_POST
def retract(request: HttpRequest, room: str) -> HttpResponse:
    found = _room_to_write_in(request, room)
    message = get_object_or_404(found.messages, seq=_number(request.POST.get("seq", "")))
    try:
        message = verbs.retract(message, request.user)
    except PermissionDenied as refusal:
        if not request.htmx:
            raise
        return HttpResponse(_told(str(refusal)), status=403)
    return HttpResponse(_upserted(found, message)) if request.htmx else _back_to(found)


def composer_context(room: Room, user: Any, *, cid: str = "", error: str = "", draft: str = "") -> dict[str, Any]:
    """What live/_composer.html prints. Without a `cid` the form is a fresh one."""
    return {
        "room": room,
        "may_write": user.is_authenticated,
        "cid": cid or secrets.token_hex(8),
        "error": error,
        "draft": draft,
        "max_length": verbs.MAX_LENGTH,
    }


def _rooms(request: HttpRequest) -> list[Room]:
    return Room.objects.visible_to(request.user).with_last_message()


def _visible_room(request: HttpRequest, slug: str) -> Room | None:
    return Room.objects.visible_to(request.user).filter(slug=slug).first()


def _hidden(request: HttpRequest) -> HttpResponse:
    """The answer for a room that is not there, and the same for one that this person may not see."""
    if request.user.is_authenticated:
        raise Http404(_("There is no such room."))
    return redirect_to_login(request.get_full_path(), settings.LOGIN_URL)


def _room_to_write_in(request: HttpRequest, slug: str) -> Room:
    if not request.user.is_authenticated:
        raise PermissionDenied(_("Sign in to write."))
    found = _visible_room(request, slug)
    if found is None:
        raise Http404(_("There is no such room."))
    return found


def _page(request: HttpRequest, room: Room, log: Any, **more: Any) -> HttpResponse:
    composer = composer_context(room, request.user)
    page = {"socket": socket_url(request, f"/ws/chat/{room.slug}/"), "log": log}
    return render(request, "live/room.html", composer | page | {"rooms": _rooms(request)} | more)


def _older(request: HttpRequest, room: Room, before: int) -> HttpResponse:
    """Earlier lines: for the top of an open log, or without htmx as a page."""
    log = Log(f"#room-{room.slug}-log", log_parts(room, room.messages.newest(PAGE, before=before)))
    if request.htmx:
        response = HttpResponse("".join(map(print_part, log.parts)))
    else:
        # Live, but without the room's own log, which would take the place of the earlier lines.
        response = _page(request, room, log, before=before, socket=socket_url(request, "/ws/notifications/"))
    patch_vary_headers(response, ["HX-Request"])
    return response


def _composer_again(request: HttpRequest, room: Room, **tried: str) -> HttpResponse:
    """The form with what was tried and why it failed; without htmx on the room's page."""
    if request.htmx:
        return render(request, "live/_composer.html", composer_context(room, request.user, **tried), status=422)
    state = page_state(RoomTopic(room.slug))
    if state is None:
        raise Http404
    response = _page(request, room, state.regions[0], **tried)
    response.status_code = 422
    return response


def _upserted(room: Room, message: Message) -> str:
    return addressed(f"#room-{room.slug}-log", "upsert", print_part(line_part(room, message)))


def _told(sentence: str) -> str:
    """A sentence among the toasts; the page stays as it is."""
    refusal = Refused("not_allowed", sentence)
    return addressed("#toasts", "innerHTML", print_part(Part("refusal", "live/_refusal.html", "refusal", refusal)))


def _back_to(room: Room) -> HttpResponse:
    return HttpResponseRedirect(reverse("room", args=[room.slug]), status=303)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Http404(_("There is no such message."))
    return int(text)
