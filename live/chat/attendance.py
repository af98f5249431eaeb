"""Join and leave lines: who opened a room and who has been gone from it for longer than a reload takes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable

from django.contrib.auth.models import User
from django.db.models import OuterRef, Subquery

from live.chat.models import Message, Room
from live.chat.verbs import arrive, leave
from live.database import in_pool
from live.presence.roster import Roster

logger = logging.getLogger(__name__)

ROUND_S = 1.0
GRACE_S = 10.0
SETTLE_S = 20.0
"""After the start: other processes have told who is theirs, and pages of a restarted one have come back."""

Stay = tuple[str, int]
"""(room, person)"""


class Attendance:
    """Compares the roster with what the rooms say, every second.

    Several processes may do this at once: the verbs write only when the person's last line says otherwise. So the
    lines come right after a kill, a restart or a lost message.
    """

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._present: set[Stay] = set()
        self._gone_since: dict[Stay, float] = {}
        self._settle_at = time.monotonic() + SETTLE_S

    async def run(self) -> None:
        while True:
            await asyncio.sleep(ROUND_S)
            try:
                await self._round(time.monotonic())
            except Exception as error:  # The database is away: the next round sees the same difference.
                logger.debug("attendance: %r", error)

    async def _round(self, now: float) -> None:
        here = self._roster.in_rooms()
        if self._roster.exact and now >= self._settle_at:
            self._settle_at = float("inf")
            self._present |= await in_pool(said_to_be_present)
        for stay in here - self._present:
            await in_pool(note, arrive, *stay)
            self._present.add(stay)
        self._note_gone(here, now)
        for stay in self._gone_for_good(now):
            await in_pool(note, leave, *stay)
            self._present.discard(stay)
            del self._gone_since[stay]

    def _note_gone(self, here: set[Stay], now: float) -> None:
        gone = self._present - here
        self._gone_since = {stay: self._gone_since.get(stay, now) for stay in gone}

    def _gone_for_good(self, now: float) -> Iterable[Stay]:
        """Nobody leaves while the processes cannot hear each other."""
        if not self._roster.exact:
            return []
        return [stay for stay, since in self._gone_since.items() if now - since >= GRACE_S]


def note(verb: Callable[[Room, User], object], slug: str, person: int) -> None:
    """Write the line, unless the room or the person is gone meanwhile."""
    room = Room.objects.filter(slug=slug).first()
    user = User.objects.filter(pk=person).first()
    if room is not None and user is not None:
        verb(room, user)


def said_to_be_present() -> set[Stay]:
    """Everybody whose last line in a room says that they came: what a process that was killed left behind."""
    lines = Message.objects.exclude(kind=Message.Kind.MESSAGE).filter(author__isnull=False)
    own = lines.filter(room=OuterRef("room"), author=OuterRef("author")).order_by("-seq")
    came = lines.filter(kind=Message.Kind.JOIN, seq=Subquery(own.values("seq")[:1]))
    return set(came.values_list("room__slug", "author_id"))
