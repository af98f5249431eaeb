"""The hub: one per process. It knows which sockets watch which topics, and keeps them equal to the database.

Everything here runs on the event loop. The database is read in the pool, once per topic and change; nothing is
queried, rendered or awaited per socket.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Iterable
from typing import Any

from live.clock import now_ms
from live.limits import Room
from live.presence.peers import Peers
from live.presence.roster import Roster
from live.push import signals
from live.push.beat import Pulse
from live.push.bus import Bus
from live.push.flushing import Merged, flush
from live.push.guard import Guard
from live.push.healing import Healing
from live.push.reception import Reception
from live.push.rounds import Work, every, for_ever
from live.push.sockets import Socket
from live.push.topics import HUBS, Context, Topic, parse
from live.push.watched import Watched

logger = logging.getLogger(__name__)

TICK_S = 0.5
PRESENCE_S = 0.25
BEAT_S = 1.0
HEAL_S = 2.0
CHECK_S = 60.0
PRESENCE = ("online.all", "online.list")
HURRY = 50
"""Sockets a second that may come back at once: so few need not be spread."""
COUNTED = (
    "loads",
    "failed_loads",
    "renders",
    "encodes",
    "frames",
    "fragments",
    "conflated",
    "passed_over",
    "overflows",
    "stalls",
    "gaps",
    "heals_version",
    "heals_unversioned",
)


class Hub:
    def __init__(self, process: str) -> None:
        self.process = process
        self.roster = Roster(process)
        self.counts: Counter[str] = Counter()
        self.lag_s = 0.0
        self.sockets: set[Socket] = set()
        self.room = Room()
        self.watched: dict[str, Watched] = {}
        self.guard = Guard(self.sockets, self.watched, take_off=self._take_off, give_back=self._subscribe)
        self.bus = Bus(process, self._hear)
        self.peers = Peers(self.roster, self._send_to_peers, self._presence_changed)
        self._pulse = Pulse()
        self.healing = Healing(self.watched, self.counts, self._look_at, self._refresh)
        self._merged: Merged = {}
        self.reception = Reception()
        self._tasks: set[asyncio.Task] = set()
        self.loop = asyncio.get_running_loop()

    def start(self) -> None:
        global _running
        _running = self
        signals.deliver_to(self._offer_from_any_thread)
        for task in (self.bus.listen, self.bus.speak, self.guard.run):
            self._spawn(for_ever(task))
        periods: dict[float, Work] = {
            TICK_S: self._tick,
            PRESENCE_S: self._tell_peers,
            BEAT_S: self._beat,
            HEAL_S: self.healing.heal,
            CHECK_S: self.healing.check,
        }
        for seconds, work in periods.items():
            self._spawn(every(seconds, work))
        self.peers.ask()

    async def drain(self, seconds: float) -> None:
        """Tell every socket to come back, in random order, spread over `seconds` where there are many."""
        await self.reception.close()
        sockets = random.sample(list(self.sockets), len(self.sockets))
        pause = min(seconds / len(sockets), 1 / HURRY) if sockets else 0
        for socket in sockets:
            socket.end("restart")
            await asyncio.sleep(pause)

    async def stop(self) -> None:
        """Tell the peers and stop the loops."""
        global _running
        signals.deliver_to(None)
        _running = None if _running is self else _running
        for task in self._tasks:
            task.cancel()
        self.peers.leave()
        await self.bus.close()

    def figures(self) -> dict[str, float]:
        """Gauges, and what was counted since the start; durations in seconds."""
        return {
            "sockets": len(self.sockets),
            "topics": len(self.watched),
            "bus_up": self.bus.is_up,
            "beat_age": self.bus.beat_age_s,
            "loop_lag": self.lag_s,
        } | {name: self.counts[name] for name in COUNTED}

    def context(self) -> Context:
        return Context(now_ms(), self.roster)

    async def enter(self, socket: Socket, topics: Iterable[Topic], denied: Iterable[Topic] = ()) -> None:
        """Take the socket in and give it each topic: subscribe first, then the snapshot, then what follows.

        A page that comes back may still show what it lost meanwhile: the `denied` topics are emptied.
        """
        self.sockets.add(socket)
        self.room.enter(socket.visitor)
        self.peers.sit(socket.seat)
        for topic in denied:
            socket.lose(topic)
        for topic in topics:
            await self._subscribe(socket, topic)
        if first := self._pulse.first(socket.view, self.bus.is_up):
            socket.put(first)
        await self.flush([socket])

    def leave(self, socket: Socket) -> None:
        if socket not in self.sockets:
            return
        self.sockets.discard(socket)
        self.room.leave(socket.visitor)
        self.peers.rise(socket.seat)
        for topic in socket.topics:
            self._unsubscribe(socket, topic)

    def offer(self, names: Iterable[str]) -> None:
        """Topics that changed, here or elsewhere."""
        for name in names:
            if (watched := self.watched.get(name)) is None:
                continue
            watched.signals += 1
            self._look_at(watched)
            if watched.topic.about_rights:
                self.guard.hurry()

    async def flush(self, sockets: Iterable[Socket]) -> None:
        await flush(sockets, self.watched, self.counts, self._merged)

    # Subscribing

    async def _subscribe(self, socket: Socket, topic: Topic) -> None:
        watched = self.watched.get(topic.name)
        if watched is None:
            watched = self.watched[topic.name] = Watched(topic, self.counts)
            self.bus.join(topic.group)
        socket.topics.append(topic)
        watched.joining += 1
        try:
            await watched.add(socket, self.context())
        finally:
            watched.joining -= 1
            self._drop_if_empty(watched)

    def _unsubscribe(self, socket: Socket, topic: Topic) -> None:
        if (watched := self.watched.get(topic.name)) is not None:
            watched.remove(socket)
            self._drop_if_empty(watched)

    def _take_off(self, socket: Socket, topic: Topic) -> None:
        socket.topics.remove(topic)
        self._unsubscribe(socket, topic)

    def _drop_if_empty(self, watched: Watched) -> None:
        if watched.is_empty and self.watched.get(watched.topic.name) is watched:
            del self.watched[watched.topic.name]
            self.bus.leave(watched.topic.group)

    # Changes

    def _offer_from_any_thread(self, names: tuple[str, ...]) -> None:
        self.loop.call_soon_threadsafe(self._offer_and_tell, names)

    def _offer_and_tell(self, names: tuple[str, ...]) -> None:
        self.offer(names)
        for name in names:
            self.bus.send(parse(name).group, {"type": "hub.signal", "topic": name})

    def _hear(self, message: dict[str, Any]) -> None:
        if message["type"] == "hub.signal":
            self.offer([message["topic"]])
        elif message["type"] == "hub.roster":
            self.peers.hear(message["roster"])

    def _look_at(self, watched: Watched) -> None:
        """With the next tick; at once where it is a log."""
        watched.changed = True
        if watched.topic.at_once and not watched.hurrying:
            watched.hurrying = True
            self._spawn(self._hurry(watched))

    async def _hurry(self, watched: Watched) -> None:
        """Send a log's news at once, then what came meanwhile; others get half as long as a round took."""
        try:
            while watched.changed:
                began = self.loop.time()
                if not await self._refresh(watched) and watched.failing:
                    break  # The tick tries again.
                await self.flush(watched.everybody())
                await asyncio.sleep((self.loop.time() - began) / 2)
        finally:
            watched.hurrying = False

    async def _tick(self) -> None:
        """State topics that changed, or change by the clock now; then everything that waits is sent."""
        self.lag_s = self.loop.time() % TICK_S  # Ticks are due at whole multiples.
        self._merged = {}
        now = now_ms()
        due = [watched for watched in self.watched.values() if watched.is_due(now)]
        await asyncio.gather(*map(self._refresh, due))
        await self.flush(socket for socket in self.sockets if socket.has_mail)

    async def _refresh(self, watched: Watched, *, check: bool = False) -> bool:
        """Whether anything differed. A database that is away is tried again with the next tick."""
        try:
            return await watched.refresh(self.context(), check=check)
        except Exception:
            self.counts["failed_loads"] += 1
            if not watched.failing:
                logger.exception("%s cannot be read; trying again.", watched.topic.name)
            watched.failing = True
            return False

    # Beats and presence

    async def _beat(self) -> None:
        self.bus.beat()
        self.peers.beat(bus_is_up=self.bus.is_up)
        batches = self._pulse.due({socket.view for socket in self.sockets}, self.bus.is_up)
        for socket in self.sockets:
            if batch := batches.get(socket.view):
                socket.put(batch)
        await self.flush(socket for socket in self.sockets if socket.has_mail)

    async def _tell_peers(self) -> None:
        """Who came and went: to the other processes, and to the pages without waiting for the tick."""
        self.peers.send_changes()
        for watched in [self.watched[name] for name in PRESENCE if name in self.watched]:
            if watched.changed:
                await self._refresh(watched)
                await self.flush(watched.everybody())

    def _send_to_peers(self, message: dict[str, Any]) -> None:
        self.bus.send(HUBS, {"type": "hub.roster", "roster": message})

    def _presence_changed(self) -> None:
        self.offer(PRESENCE)

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


_running: Hub | None = None


def running() -> Hub | None:
    """The hub of this process; None in a command, a shell, or before the server has started."""
    return _running
