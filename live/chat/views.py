from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from live.chat import verbs
from live.chat.models import Message, Room
from live.chat.topic import PAGE, RoomTopic, line_part, log_parts
from live.presence.views import who_is_here
from live.push.consumers import Refused
from live.push.fragments import addressed
from live.push.pages import page_state, socket_url
from live.push.rendering import print_part
from live.push.topics import Log, Part
from live.requests import PageRequest

View = Callable[[PageRequest, str], HttpResponse]


@require_safe
def rooms(request: PageRequest) -> HttpResponse:
    context = {"rooms": _rooms(request), "socket": socket_url("/ws/notifications/")}
    return render(request, "live/rooms.html", context)


@require_safe
def room(request: PageRequest, room: str) -> HttpResponse:
    found = _visible_room(request, room)
    if found is None:
        return _hidden(request)
    if "before" in request.GET:
        return _older(request, found, _number(request.GET["before"]))
    state = page_state(RoomTopic(found.slug))
    if state is None:  # Removed since the line above.
        return _hidden(request)
    return _page(request, found, state.regions[0])


def _told_beside_the_page(view: View) -> View:
    """With htmx, a refusal is a sentence among the toasts, and the page with its draft stays as it is."""

    @wraps(view)
    def wrapped(request: PageRequest, room: str) -> HttpResponse:
        try:
            return view(request, room)
        except PermissionDenied as refusal:
            if not request.htmx:
                raise
            return HttpResponse(_toast(str(refusal)), status=403)

    return wrapped


@require_POST
@_told_beside_the_page
def post_message(request: PageRequest, room: str) -> HttpResponse:
    """Answer with the message and a fresh form, or with the same form, the draft and what is wrong with it."""
    author, found = _writer(request), _room_to_write_in(request, room)
    body, cid = request.POST.get("message", ""), request.POST.get("cid", "")
    try:
        message = verbs.post_message(found, author, body, cid)
    except ValidationError as error:
        return _composer_again(request, found, cid=cid, error=error.messages[0], draft=body)
    except Room.DoesNotExist:  # Removed since it was found.
        raise Http404 from None
    if not request.htmx:
        return _back_to(found)
    composer = render_to_string("live/_composer.html", composer_context(found, author), request)
    return HttpResponse(composer + _upserted(found, message))


@require_POST
@_told_beside_the_page
def retract(request: PageRequest, room: str) -> HttpResponse:
    author, found = _writer(request), _room_to_write_in(request, room)
    message = get_object_or_404(found.messages, seq=_number(request.POST.get("seq", "")))
    message = verbs.retract(message, author)
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


def _rooms(request: PageRequest) -> list[Room]:
    return Room.objects.visible_to(request.user).with_last_message()


def _visible_room(request: PageRequest, slug: str) -> Room | None:
    return Room.objects.visible_to(request.user).filter(slug=slug).first()


def _hidden(request: PageRequest) -> HttpResponse:
    """The answer for a room that is not there, and the same for one that this person may not see."""
    if request.user.is_authenticated:
        raise Http404(_("There is no such room."))
    return redirect_to_login(request.get_full_path(), settings.LOGIN_URL)


def _writer(request: PageRequest) -> User:
    if not isinstance(request.user, User):
        raise PermissionDenied(_("Sign in to write."))
    return request.user


def _room_to_write_in(request: PageRequest, slug: str) -> Room:
    found = _visible_room(request, slug)
    if found is None:
        raise Http404(_("There is no such room."))
    return found


def _page(request: PageRequest, room: Room, log: Any, **more: Any) -> HttpResponse:
    composer = composer_context(room, request.user)
    page = {"socket": socket_url(f"/ws/chat/{room.slug}/"), "log": log, "rooms": _rooms(request)}
    return render(request, "live/room.html", composer | page | who_is_here() | more)


def _older(request: PageRequest, room: Room, before: int) -> HttpResponse:
    """Earlier lines: for the top of an open log, or without htmx as a page."""
    log = Log(f"#room-{room.slug}-log", log_parts(room, room.messages.newest(PAGE, before=before)))
    if request.htmx:
        response = HttpResponse("".join(map(print_part, log.parts)))
    else:
        # Live, but without the room's own log, which would take the place of the earlier lines.
        response = _page(request, room, log, before=before, socket=socket_url("/ws/notifications/"))
    patch_vary_headers(response, ["HX-Request"])
    return response


def _composer_again(request: PageRequest, room: Room, **tried: str) -> HttpResponse:
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


def _toast(sentence: str) -> str:
    refusal = Refused("not_allowed", sentence)
    return addressed("#toasts", "innerHTML", print_part(Part("refusal", "live/_refusal.html", "refusal", refusal)))


def _back_to(room: Room) -> HttpResponse:
    return HttpResponseRedirect(reverse("room", args=[room.slug]), status=303)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Http404(_("There is no such message."))
    return int(text)
