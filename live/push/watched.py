"""A topic that somebody in this process watches: its sockets, the state they have, and what they are sent next."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from live.database import in_pool
from live.push.fragments import Batch, HtmlChanges, JsonChanges
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
        self.snapshot: Batch | None = None
        as_json = view.format == "json"
        self.print = print_event if as_json else print_part
        self.changes = (JsonChanges if as_json else HtmlChanges)(self._text)

    def renew(self, old: State | None, new: State) -> Batch:
        """The fragments that lead from `old` to `new`."""
        with seen_as(self.view):
            fragments = self.changes.between(old, new) if old else self.changes.snapshot(new)
        self.snapshot = None
        self._forget(new)
        return Batch(fragments)

    def whole(self, state: State) -> Batch:
        """The snapshot, made once however many sockets ask for it."""
        if self.snapshot is None:
            with seen_as(self.view):
                self.snapshot = Batch(self.changes.snapshot(state))
        return self.snapshot

    def _text(self, part: Part) -> str:
        known = self.texts.get(part.id)
        if known is None or known[0] != part:
            self.counts["renders"] += 1
            # Without the space around it: every morph would leave it on the page, as one more text node.
            known = self.texts[part.id] = (part, self.print(part).strip())
        return known[1]

    def _forget(self, state: State) -> None:
        present = {part.id for region in state.regions for part in region.parts}
        self.texts = {key: text for key, text in self.texts.items() if key in present}


Prints = dict[View, Printed]
T = TypeVar("T")


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
        self.signals = 0
        self.hurrying = False
        self.failing = False
        self.joining = 0

    @property
    def is_empty(self) -> bool:
        return not self.sockets and not self.joining

    def is_due(self, now: int) -> bool:
        """Whether it changed or changes by the clock alone."""
        at = self.state.next_change_at if self.state else None
        return self.changed or (at is not None and at <= now)

    @property
    def is_being_read(self) -> bool:
        return self.changed or self.lock.locked()

    def everybody(self) -> Iterable[Socket]:
        return (socket for sockets in self.sockets.values() for socket in sockets)

    async def add(self, socket: Socket, context: Context) -> bool:
        """Give the socket the snapshot and all that follows; False when the topic is gone."""
        async with self.lock:
            self.changed = self.changed and self.state is not None
            batch = self._at_hand(socket.view)
            if batch is None:
                self.state, batch = await self._in_pool(self._snapshot, socket.view, context)
            if batch is None:
                return False
            self.sockets.setdefault(socket.view, set()).add(socket)
            if batch:
                socket.put(batch)
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
                self.state, news = await self._in_pool(self._advance, list(self.sockets), context, check)
            except BaseException:
                self.changed = True
                raise
            for view, batch in news.items():
                for socket in self.sockets.get(view, ()) if batch else ():
                    socket.put(batch)
            self.failing = False
            return any(news.values())

    def snapshot(self, view: View) -> Batch:
        """What a socket of this view that already watches is sent to start afresh; nothing is rendered anew."""
        return _printed(self.printed, view, self.counts).whole(self.state) if self.state else Batch(())

    def _at_hand(self, view: View) -> Batch | None:
        """The snapshot where it needs no thread: printed for an earlier arrival, or of a topic that shows nothing."""
        if not self.topic.is_shown:
            return Batch(())
        printed = self.printed.get(view)
        return printed.snapshot if printed and self.state else None

    async def _in_pool(self, work: Callable[..., T], *arguments: Any) -> T:
        """Run `work` on the present state and prints.

        A thread whose time is over goes on, and what it still finds reaches nobody. So it sets no state, and the prints
        that it may still write to are left to it.
        """
        try:
            return await in_pool(work, self.state, self.printed, *arguments)
        except BaseException:
            self.printed = {}
            raise

    def _snapshot(
        self, state: State | None, prints: Prints, view: View, context: Context
    ) -> tuple[State | None, Batch | None]:
        if state is None:
            state = self._load(context, known=None)
        return state, _printed(prints, view, self.counts).whole(state) if state else None

    def _advance(
        self, old: State | None, prints: Prints, views: list[View], context: Context, check: bool
    ) -> tuple[State | None, dict[View, Batch]]:
        new = self._load(context, known=None if check else old)
        if new is None or old is None:  # A topic that is gone: the rights check ends its sockets.
            return old, {}
        return new, {view: _printed(prints, view, self.counts).renew(old, new) for view in views}

    def _load(self, context: Context, *, known: State | None) -> State | None:
        self.counts["loads"] += 1
        return self.topic.load(context, known)


def _printed(prints: Prints, view: View, counts: Counter) -> Printed:
    return prints.setdefault(view, Printed(view, counts))
