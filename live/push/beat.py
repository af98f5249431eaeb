"""The heartbeat of a page: the server's time every 2 s, and whether changes arrive at full speed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from live.push.fragments import Batch, Fragment, html_fragment
from live.push.rendering import render
from live.push.topics import Part, View

LinkState = Literal["live", "slow"]
EVERY_NTH = 2


@dataclass(frozen=True, slots=True)
class Beat:
    at: datetime


@dataclass(frozen=True, slots=True)
class Link:
    state: LinkState


def beat_part() -> Part:
    return Part("beat", "live/_beat.html", "beat", Beat(datetime.now(UTC)))


def link_part(state: LinkState) -> Part:
    return Part("link", "live/_link.html", "link", Link(state))


class Pulse:
    """Says which fragments are due. Programs get none: their library knows the state of the connection."""

    def __init__(self) -> None:
        self._rounds = 0
        self._shown: LinkState = "live"
        self._first: dict[tuple[View, bool], Batch] = {}

    def first(self, view: View, bus_is_up: bool) -> Batch:
        """For a page that arrives; up to a second old, so that a thousand that arrive together share it."""
        key = view, bus_is_up
        if key not in self._first:
            is_page = view.format != "json"
            self._first[key] = Batch([_beat(view), _link(view, link_state(bus_is_up))] if is_page else ())
        return self._first[key]

    def due(self, views: Iterable[View], bus_is_up: bool) -> dict[View, Batch]:
        """Called every second: the beat in every second round, the link's state when it changes."""
        self._rounds += 1
        state = link_state(bus_is_up)
        changed, self._shown = state != self._shown, state
        beats = self._rounds % EVERY_NTH == 0
        self._first = {}
        pages = (view for view in views if view.format != "json")
        return {view: Batch([_beat(view)] * beats + [_link(view, state)] * changed) for view in pages}


def link_state(bus_is_up: bool) -> LinkState:
    return "live" if bus_is_up else "slow"


def _beat(view: View) -> Fragment:
    # A new node, not a morph: only insertion starts the animation that reveals the curtain anew.
    return html_fragment("#beat", "outerHTML", render(beat_part(), view))


def _link(view: View, state: LinkState) -> Fragment:
    return html_fragment("#link", "outerMorph", render(link_part(state), view))
