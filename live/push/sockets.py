"""The hub's side of one open socket."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from live.limits import Visitor
from live.people import Person
from live.presence.roster import Seat
from live.push.fragments import Batch, emptied
from live.push.identity import Identity
from live.push.outbox import Outbox
from live.push.topics import Topic, View
from live.push.writers import Writer

STALL_S = 8.0
OVERFLOWS_WITHIN_S = 10.0

Ending = Literal["behind", "signed_out", "not_allowed", "gone", "misbehaved", "restart", "limit"]


class Socket:
    """One open page or program: who it is, what it watches, and what waits to be sent to it.

    `end` is given by the consumer: it says the last words and closes.
    """

    __slots__ = (
        *("_end", "_overflowed_at", "_stalled_at", "ended", "identity", "lost", "outbox"),
        *("seat", "topics", "view", "visitor", "wants_snapshot", "writer"),
    )

    def __init__(
        self,
        *,
        identity: Identity,
        address: str,
        view: View,
        seat: Seat,
        writer: Writer,
        end: Callable[[Ending], None],
    ) -> None:
        self.visitor = Visitor(identity.person.id, address)
        self.identity = identity
        self.view = view
        self.seat = seat
        self.writer = writer
        self.outbox = Outbox()
        self.topics: list[Topic] = []
        self.lost: list[Topic] = []
        self.wants_snapshot = False
        self.ended = False
        self._end = end
        self._stalled_at: float | None = None
        self._overflowed_at = -OVERFLOWS_WITHIN_S

    @property
    def person(self) -> Person:
        return self.identity.person

    @property
    def has_mail(self) -> bool:
        return self.wants_snapshot or bool(self.outbox)

    def put(self, batch: Batch) -> None:
        """Leave a batch for the next flush. A socket that overflows gets a snapshot instead, once in 10 s."""
        if self.wants_snapshot or self.ended or self.outbox.put(batch):
            return
        now = time.monotonic()
        if now - self._overflowed_at < OVERFLOWS_WITHIN_S:
            self.end("behind")
        self._overflowed_at = now
        self.wants_snapshot = True

    def lose(self, topic: Topic) -> None:
        """Take what the topic shows off the page."""
        self.lost.append(topic)
        if (batch := emptied(topic.containers)) and self.view.format != "json":
            self.put(batch)

    def is_stalled(self) -> bool:
        """Whether this flush has to pass the socket over. One that stalls for 8 s is ended."""
        if not self.writer.is_full():
            self._stalled_at = None
            return False
        now = time.monotonic()
        self._stalled_at = self._stalled_at or now
        if now - self._stalled_at > STALL_S:
            self.writer.abort()
            self.end("behind")
        return True

    def end(self, why: Ending) -> None:
        if not self.ended:
            self.ended = True
            self.outbox.clear()
            self._end(why)
