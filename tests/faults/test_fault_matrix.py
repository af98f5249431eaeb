"""Each part is killed, stopped and restarted while people read and write; everything is right again within 5 s."""

from __future__ import annotations

import time
import urllib.error
from collections.abc import Iterable, Iterator

import pytest

from tests.faults.crowd import ComingBack, Crowd, Member, until
from tests.faults.measuring import report
from tests.faults.shown import PRESENCE, Shown
from tests.faults.sizes import FULL, sized
from tests.faults.stack import BOARD, Stack, coming_back, socket_of
from tests.faults.victims import Victim
from tests.faults.writing import Writer, repeatedly

ROOM = "/chat/matrix/"
PAGES = (ROOM, BOARD)
SOCKETS = sized(40, 200)
OUTAGE_S = sized(3.0, 5.0)
STOPPED_S = sized(4.0, 10.0)
RIGHT_S = 5.0
PRESENCE_S = 16.0
LOG_LINES = 100
RECOVERED_REQUESTS = 40
ALL = [(fault, victim) for victim in ("redis", "postgres", "app", "nginx") for fault in ("kill", "stop", "restart")]
SOME = [("kill", "redis"), ("stop", "app"), ("restart", "postgres"), ("kill", "nginx")]


class Onlookers:
    """Open pages, half of them in the room and half at the board, and what they show."""

    def __init__(self, stack: Stack, crowd: Crowd) -> None:
        self.stack = stack
        self.back = coming_back(stack.page(ROOM))
        self.members: list[Member] = []
        self._shown: dict[str, list[Shown]] = {path: [] for path in PAGES}
        for number in range(SOCKETS):
            self._open(crowd, PAGES[number % 2], self.back, number)
        crowd.gather(self.members)

    def _open(self, crowd: Crowd, path: str, back: ComingBack, number: int) -> None:
        people = self.stack.people
        person = people[number // 4 % len(people)] if number % 4 < 2 else None
        shown = Shown()
        self._shown[path].append(shown)
        address = socket_of(self.stack.page(path) if number < 2 else self._pages[path], self.stack.nginx.port, person=person)
        self.members += crowd.invite([address], hear=shown.hear, coming_back=back)

    def wrong(self, *, without: Iterable[str] = PRESENCE) -> list[str]:
        """How open pages differ from those that are loaded now."""
        fresh = {path: self.stack.page(path) for path in PAGES}
        return [
            difference
            for path, pages in self._shown.items()
            for shown in pages
            for difference in shown.differs(fresh[path], without=set(without))
        ]
