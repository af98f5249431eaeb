"""The collector: the one process that samples the machine, fetches sources, rolls up and forgets, elected by the
lease."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from time import monotonic, time
from typing import TypeVar

from django.db import transaction

from live.clock import now_ms
from metrics.series.retention import expire
from metrics.series.rollups import catch_up
from metrics.series.storing import Stored, store
from metrics.sources import lease
from metrics.sources.ending import end
from metrics.sources.host import Host
from metrics.sources.lane import Claim, Lane
from metrics.sources.lease import LeaseLost
from metrics.sources.models import Source
from metrics.sources.pulls import Pulls
from metrics.sources.seconds import next_second
from metrics.sources.telling import Teller

logger = logging.getLogger(__name__)

R = TypeVar("R")

HOST = "host"
ROLL_UP_EVERY_S = 2.0
EXPIRE_EVERY_S = 300.0
BACK_OFF_S = 5.0
STOP_S = 0.5
AT_ONCE_S = {"roll-up": 0.8, "expire": 0.5}
"""For so long a tick rolls up, and forgets, in small transactions, the waits for other writers included."""
PAUSE_S = 0.01
"""Between them. Whoever waits for SQLite looks again ever more rarely; without a pause he would find it taken."""


class Collector:
    """Ticks every second in every process; works only where it holds the lease.

    `on_stored` is called in a pool thread after each commit that stored samples. `process` is the name that the lease
    shows. A tick that takes long makes the next ones fall out; they never pile up.
    """

    def __init__(self, on_stored: Callable[[Stored], None], process: str, *, host: Host | None = None) -> None:
        self.generation: int | None = None
        self.pulls = Pulls(lambda: self.generation is not None, self._under_lease, teller := Teller(on_stored))
        self._sampled = 0
        self._teller = teller
        self._process = process
        self._host = host or Host()
        self._lane = Lane()
        self._due = {"roll-up": 0.0, "expire": 0.0}
        self._works = True
        self._task: asyncio.Task[None] | None = None

    @property
    def stored(self) -> int:
        """Samples stored since the start."""
        return self._sampled + self.pulls.stored

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="collector")
            self.pulls.start()

    async def stop(self) -> None:
        """End, and let another process take over at once."""
        task, self._task = self._task, None
        await end(task)
        await self.pulls.stop()
        with contextlib.suppress(Exception):
            await self._let_go()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(next_second(time()))
            if not self._lane.busy:
                await self._tick_safely()

    async def _tick_safely(self) -> None:
        try:
            await self.tick()
        except LeaseLost:
            logger.info("%s is not the collector any more", self._process)
            self.generation = None
        except Exception as error:
            self._say(works=False, error=error)
            await asyncio.sleep(BACK_OFF_S)
        else:
            self._say(works=True)

    async def tick(self) -> None:
        """One second's work. Raises LeaseLost, and what the database raises."""
        if self.generation is None:
            # The figures of the machine are differences, so that the first sample comes a second after priming.
            await self._take()
            return
        await self._sample()
        if self._is_due("roll-up", ROLL_UP_EVERY_S):
            await self._repeat("roll-up", catch_up)
        if self._is_due("expire", EXPIRE_EVERY_S):
            now = now_ms()
            await self._repeat("expire", lambda: expire(now))

    async def _take(self) -> None:
        self.generation = await self._lane.run(lambda _claim: lease.take(self._process))
        if self.generation is not None:
            logger.info("%s is the collector", self._process)
            await self._lane.run(lambda _claim: self._host.prime())

    async def _sample(self) -> None:
        now = now_ms() // 1000 * 1000
        stored = await self._lane.run(lambda claim: self._under_lease(claim, lambda: self._store_host(now)))
        self._sampled += stored.new
        await self._lane.run(lambda _claim: self._teller.tell(stored))

    def _store_host(self, now: int) -> Stored:
        source = Source.objects.ensure(HOST, Source.Kind.HOST)
        return store(self._host.readings(source.pk, now))

    async def _repeat(self, what: str, has_more: Callable[[], bool]) -> None:
        """Do a small piece of work again while there is more, each in its own transaction."""
        ends = monotonic() + AT_ONCE_S[what]
        while await self._lane.run(lambda claim: self._under_lease(claim, has_more)):
            if monotonic() >= ends:
                # More than there is time for in a tick: the next one goes on.
                self._due[what] = 0.0
                return
            await asyncio.sleep(PAUSE_S)

    def _under_lease(self, claim: Claim, work: Callable[[], R]) -> R:
        generation = self.generation
        if generation is None:
            raise LeaseLost
        with transaction.atomic():
            lease.check(generation)
            result = work()
            claim()
        return result

    def _is_due(self, what: str, every_s: float) -> bool:
        now = monotonic()
        if now < self._due[what]:
            return False
        self._due[what] = now + every_s - 0.5
        return True

    async def _let_go(self) -> None:
        generation, self.generation = self.generation, None
        if generation is not None and await self._lane.idle(STOP_S):
            await self._lane.run(lambda _claim: lease.release(generation))

    def _say(self, *, works: bool, error: Exception | None = None) -> None:
        """One line when it stops working and one when it works again."""
        if works != self._works:
            self._works = works
            if works:
                logger.info("the collector works again")
            else:
                logger.warning("the collector cannot work and tries again every %d s: %r", BACK_OFF_S, error)
