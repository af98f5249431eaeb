"""What a page needs so that its socket can go on where it ends: the same state, the same view, the frame around it."""

from __future__ import annotations

from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation

from live.clock import now_ms
from live.presence.roster import Roster
from live.presence.topic import counter
from live.push import hub
from live.push.beat import beat_part, link_part, link_state
from live.push.topics import Context, Log, Region, State, Topic, View, parse

NOBODY = Roster("nobody")


def page_state(topic: Topic) -> State | None:
    """The topic as a page prints it; None when there is no such topic."""
    return topic.load(_context(), None)


def socket_url(path: str) -> str:
    """The page's socket address. It names the page's language, so that a push never differs from the page."""
    return f"{path}?{urlencode({'lang': translation.get_language()})}"


def view_of(query: dict[str, str], *, wants_json: bool) -> View:
    """The view that a socket asks for.

    A view costs a rendering of every change, so a client chooses only among those that pages are printed in.
    """
    language = query.get("lang", "")
    known = language if language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
    return View(known, settings.TIME_ZONE, "json" if wants_json else "html")


class Frame:
    """The parts that stand on every page. Each is read only when a template prints it."""

    @cached_property
    def banner(self) -> Region | Log | None:
        state = page_state(parse("announcements.all"))
        regions = state.regions if state else ()
        return next((region for region in regions if region.target == "#banner"), None)

    @cached_property
    def online(self) -> Region:
        return Region("", (counter(_context().roster.presence()),))

    @cached_property
    def beat(self) -> Region:
        return Region("", (beat_part(),))

    @cached_property
    def link(self) -> Region:
        here = hub.running()
        return Region("", (link_part(link_state(here.bus.is_up if here else True)),))

    @property
    def languages(self) -> list[tuple[str, Any]]:
        return list(settings.LANGUAGES)


def frame(request: HttpRequest) -> dict[str, Frame]:
    """Context processor."""
    return {"frame": Frame()}


def _context() -> Context:
    here = hub.running()
    return Context(now_ms(), here.roster if here else NOBODY)
