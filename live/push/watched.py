"""A topic that somebody in this process watches: its sockets, the state they have, and what they are sent next."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from live.database import in_pool
from live.push.fragments import Fragment, HtmlChanges, JsonChanges
from live.push.rendering import print_event, print_part, seen_as
from live.push.topics import Context, Part, State, Topic, View

if TYPE_CHECKING:
    from live.push.sockets import Socket


class Printed:
    """The parts of one state as one view sees them, each rendered once."""

    def __init__(self, view: View, counts: Counter) -> None:
        self.view = view
        self.counts = counts
        self.texts: dict[str, tuple[Part, str]] = {}
        self.snapshot: list[Fragment] | None = None
        as_json = view.format == "json"
        self.print = print_event if as_json else print_part
        self.changes = (JsonChanges if as_json else HtmlChanges)(self._text)

    def renew(self, old: State | None, new: State) -> list[Fragment]:
        """The fragments that lead from `old` to `new`."""
        with seen_as(self.view):
            fragments = self.changes.between(old, new) if old else self.changes.snapshot(new)
        self.snapshot = None
        self._forget(new)
        return fragments

    def whole(self, state: State) -> list[Fragment]:
        """The snapshot, made once however many sockets ask for it."""
        if self.snapshot is None:
            with seen_as(self.view):
                self.snapshot = self.changes.snapshot(state)
        return self.snapshot

    def _text(self, part: Part) -> str:
        known = self.texts.get(part.id)
        if known is None or known[0] != part:
            self.counts["renders"] += 1
            known = self.texts[part.id] = (part, self.print(part))
        return known[1]

    def _forget(self, state: State) -> None:
        present = {part.id for region in state.regions for part in region.parts}
        self.texts = {key: text for key, text in self.texts.items() if key in present}


class Watched:
    """Guards one topic's state. `lock` makes refreshes and arrivals take turns, so that a socket whose snapshot was
    taken from a state receives exactly the changes that follow it."""

    def __init__(self, topic: Topic, counts: Counter) -> None:
        self.topic = topic
        self.counts = counts
        self.lock = asyncio.Lock()
        self.sockets: dict[View, set[Socket]] = {}
        self.state: State | None = None
        self.printed: dict[View, Printed] = {}
        self.changed = False
        self.failing = False
        self.joining = 0

    @property
    def is_empty(self) -> bool:
        return not self.sockets and not self.joining

    def is_due(self, now: int) -> bool:
        """Whether it changed or changes by the clock alone."""
        at = self.state.next_change_at if self.state else None
        return self.changed or (at is not None and at <= now)

    def everybody(self) -> Iterable[Socket]:
        return (socket for sockets in self.sockets.values() for socket in sockets)

    async def add(self, socket: Socket, context: Context) -> bool:
        """Give the socket the snapshot and all that follows; False when the topic is gone."""
        async with self.lock:
            self.changed = self.changed and self.state is not None
            fragments = await in_pool(self._snapshot, socket.view, context)
            if fragments is None:
                return False
            self.sockets.setdefault(socket.view, set()).add(socket)
            socket.put(fragments)
            return True

    def remove(self, socket: Socket) -> None:
        sockets = self.sockets.get(socket.view, set())
        sockets.discard(socket)
        if not sockets:
            self.sockets.pop(socket.view, None)
            self.printed.pop(socket.view, None)

    async def refresh(self, context: Context, *, check: bool = False) -> bool:
        """Load the topic and hand out what differs; whether anything did.

        With `check` the topic is loaded as if for the first time, so that a change without a version is found too.
        """
        async with self.lock:
            self.changed = False
            try:
                news = await in_pool(self._advance, list(self.sockets), context, check)
            except BaseException:
                self.changed = True
                raise
            for view, fragments in news.items():
                for socket in self.sockets.get(view, ()):
                    socket.put(fragments)
            self.failing = False
            return any(news.values())

    def emptied(self, view: View) -> list[Fragment]:
        printed = self.printed.get(view)
        return printed.changes.emptied(self.state) if printed and self.state else []

    def snapshot(self, view: View) -> list[Fragment]:
        """What a socket of this view that already watches is sent to start afresh; nothing is rendered anew."""
        printed = self.printed.get(view)
        return printed.whole(self.state) if printed and self.state else []

    def _snapshot(self, view: View, context: Context) -> list[Fragment] | None:
        if self.state is None:
            self.state = self._load(context, known=None)
        return self._printed(view).whole(self.state) if self.state else None

    def _advance(self, views: list[View], context: Context, check: bool) -> dict[View, list[Fragment]]:
        old = self.state
        new = self._load(context, known=None if check else old)
        if new is None or old is None:  # A topic that is gone: the rights check ends its sockets.
            return {}
        self.state = new
        return {view: self._printed(view).renew(old, new) for view in views}

    def _load(self, context: Context, *, known: State | None) -> State | None:
        self.counts["loads"] += 1
        return self.topic.load(context, known)

    def _printed(self, view: View) -> Printed:
        return self.printed.setdefault(view, Printed(view, self.counts))
