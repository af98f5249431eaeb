"""Carrying rosters between processes: changes at once, a digest every 5 s, the whole list when digests differ.

A peer that was silent for 15 s is dropped, except while the bus is down: then nobody is dropped and the count says
that it is not exact. So the count is right within 15 s after a kill and heals by itself after lost messages.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from live.presence.roster import Roster, Seat

DIGEST_EVERY_S = 5.0
SILENT_S = 15.0

Send = Callable[[dict[str, Any]], None]


class Peers:
    """`send` hands a message to every hub, `changed` says that the count may differ now."""

    def __init__(self, roster: Roster, send: Send, changed: Callable[[], None]) -> None:
        self.roster = roster
        self._send = send
        self._changed = changed
        self._heard: dict[str, float] = {}
        self._came: dict[str, Seat] = {}
        self._left: set[str] = set()
        self._digest_at = 0.0

    def sit(self, seat: Seat) -> None:
        self.roster.sit(seat)
        self._came[seat.id] = seat
        self._changed()

    def rise(self, seat: Seat) -> None:
        self.roster.rise(seat)
        if self._came.pop(seat.id, None) is None:
            self._left.add(seat.id)
        self._changed()

    def send_changes(self) -> None:
        """Every 250 ms: what came and left since the last time, as one message."""
        if not self._came and not self._left:
            return
        came, left = [asdict(seat) for seat in self._came.values()], sorted(self._left)
        self._came, self._left = {}, set()
        self._say("changes", came=came, left=left)

    def beat(self, *, bus_is_up: bool) -> None:
        """Every second: the digest when it is due, and who has fallen silent."""
        now = time.monotonic()
        if self.roster.exact != bus_is_up:
            self.roster.exact = bus_is_up
            self._changed()
        if now - self._digest_at >= DIGEST_EVERY_S:
            self._digest_at = now
            self._say("digest", digest=self.roster.digest(self.roster.process))
        if bus_is_up:
            self._drop_silent(now)
        else:
            self._heard = dict.fromkeys(self._heard, now)

    def hear(self, message: dict[str, Any]) -> None:
        """A message of another process's `Peers`."""
        process = message["process"]
        if process == self.roster.process:
            return
        self._heard[process] = time.monotonic()
        getattr(self, f"_hear_{message['what']}")(process, message)

    def ask(self, process: str = "") -> None:
        """Ask one process, or all of them, for the whole roster."""
        self._say("ask", whose=process)

    def leave(self) -> None:
        """Say goodbye, so that nobody waits 15 s to notice."""
        self._say("goodbye")

    def _say(self, what: str, **content: Any) -> None:
        self._send({"what": what, "process": self.roster.process, **content})

    def _hear_changes(self, process: str, message: dict[str, Any]) -> None:
        self.roster.change(process, [Seat(**seat) for seat in message["came"]], message["left"])
        self._changed()

    def _hear_digest(self, process: str, message: dict[str, Any]) -> None:
        if message["digest"] != self.roster.digest(process):
            self.ask(process)

    def _hear_ask(self, process: str, message: dict[str, Any]) -> None:
        if message["whose"] in ("", self.roster.process):
            self._say("whole", seats=[asdict(seat) for seat in self.roster.own()])

    def _hear_whole(self, process: str, message: dict[str, Any]) -> None:
        self.roster.replace(process, [Seat(**seat) for seat in message["seats"]])
        self._changed()

    def _hear_goodbye(self, process: str, message: dict[str, Any]) -> None:
        self._forget(process)

    def _drop_silent(self, now: float) -> None:
        for process in [process for process, at in self._heard.items() if now - at > SILENT_S]:
            self._forget(process)

    def _forget(self, process: str) -> None:
        self._heard.pop(process, None)
        self.roster.forget(process)
        self._changed()
