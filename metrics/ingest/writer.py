"""The writer: requests that wait share a transaction; each is answered after the commit that holds its samples."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain

from django.db import DataError, IntegrityError

from metrics.ingest.calls import Outcome, Taken
from metrics.ingest.outcomes import outcomes
from metrics.series.readings import Reading
from metrics.series.storing import Ended, Stored, store
from metrics.sources.ending import end
from metrics.sources.lane import Lane
from metrics.sources.telling import Teller

logger = logging.getLogger(__name__)

BATCH = 5_000
"""Samples in one transaction. A request that brings more is stored in several, and answered after the last."""
QUEUE = 20_000
"""Samples that may wait."""
PATIENCE_S = 5.0
PAUSE_S = 0.01
"""Between transactions: in a stream of small requests they gather meanwhile, and a lone one does not wait."""
STOP_S = 1.0
UNFIT = (DataError, IntegrityError, ValueError, TypeError, OverflowError)


class Behind(Exception):
    """The samples were not stored, or only a part of them, and have to be sent again.

    One case is undecidable: a commit that does not answer. It is harmless with timestamps, since a sample that is
    there already is passed over.
    """


class Unfit(Exception):
    """The database refuses these samples, and would again."""


@dataclass(slots=True, eq=False)
class _Waiting:
    """A request: what it brings, how far it is on its way, and what became of that."""

    readings: Sequence[Reading]
    ended: Ended
    done: asyncio.Future[Outcome]
    since: float
    begun: int = 0
    outcome: Outcome = field(default_factory=Outcome)

    @property
    def size(self) -> int:
        """Samples that are left to be stored; what ends series goes with the last of them."""
        return len(self.readings) - self.begun + len(self.ended)

    def cut(self, most: int) -> _Share:
        start, self.begun = self.begun, min(self.begun + most, len(self.readings))
        is_last = self.begun == len(self.readings)
        return _Share(self, self.readings[start : self.begun], self.ended if is_last else (), is_last)

    def fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)

    def succeed(self) -> None:
        if not self.done.done():
            self.done.set_result(self.outcome)


@dataclass(slots=True, eq=False)
class _Share:
    """What one transaction stores of a request."""

    request: _Waiting
    readings: Sequence[Reading]
    ended: Ended
    is_last: bool

    def note(self, outcome: Outcome) -> None:
        self.request.outcome += outcome
        if self.is_last:
            self.request.succeed()


_running: Writer | None = None


def running() -> Writer | None:
    """The writer of this process, once it has been started."""
    return _running


class Writer:
    """One per process. `on_stored` is called in a pool thread after each commit.

    `stored`, `duplicates` and `refused` count samples since the start.
    """

    def __init__(
        self,
        on_stored: Callable[[Stored], None],
        *,
        store: Callable[..., Stored] = store,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.stored = self.duplicates = self.refused = 0
        self._teller = Teller(on_stored)
        self._store = store
        self._patience_s = patience_s
        self._waiting: deque[_Waiting] = deque()
        self._under_way: list[_Share] = []
        self._samples = 0
        self._more = asyncio.Event()
        self._lane = Lane()
        self._works = True
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Samples that are accepted and not yet committed."""
        return self._samples

    @property
    def behind_s(self) -> float:
        """How long the oldest request that is not yet answered has waited; 0 when none waits."""
        oldest = next((share.request for share in self._under_way), None) or next(iter(self._waiting), None)
        return time.monotonic() - oldest.since if oldest else 0.0

    def start(self) -> None:
        """Begin to write. `write` does it by itself; after `stop` it makes the writer usable again."""
        global _running
        _running, self._stopping = self, False
        self._ensure_running()

    async def stop(self) -> None:
        """Write what waits, for at most 2 s; what is left is answered Behind, and so is everything that comes."""
        self._stopping = True
        task, self._task = self._task, None
        if task is None:
            return
        pending = [item.done for item in (*(share.request for share in self._under_way), *self._waiting)]
        if pending:
            await asyncio.wait(pending, timeout=STOP_S)
        await self._lane.idle(STOP_S)
        await end(task)
        self._refuse(lambda _item: True, "the server is stopping")

    async def write(self, taken: Taken) -> Outcome:
        """Return after the last commit that holds what was taken. Raises Behind and Unfit."""
        if self._stopping:
            raise Behind("the server is stopping")
        if self._samples >= QUEUE or self.behind_s > self._patience_s:
            raise Behind("too many samples are waiting to be stored")
        self._ensure_running()
        done = asyncio.get_running_loop().create_future()
        item = _Waiting(taken.readings, taken.ended, done, time.monotonic())
        self._waiting.append(item)
        self._samples += item.size
        self._more.set()
        return await item.done

    def _ensure_running(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="writer")

    async def _run(self) -> None:
        while True:
            await self._more.wait()
            batch = self._under_way = self._gather()
            if not batch:
                continue
            try:
                await self._commit(batch)
                await self._wait_for_the_thread()
            finally:
                self._end(batch)
            await asyncio.sleep(PAUSE_S)

    def _gather(self) -> list[_Share]:
        """The shares of the next transaction, in the order in which their requests came."""
        batch: list[_Share] = []
        room = BATCH
        while self._waiting and (not batch or self._waiting[0].size <= room):
            share = self._waiting[0].cut(BATCH)
            batch.append(share)
            room -= len(share.readings) + len(share.ended)
            if not share.is_last:
                break
            self._waiting.popleft()
        if not self._waiting:
            self._more.clear()
        return batch

    def _end(self, batch: list[_Share]) -> None:
        """Whatever happened, nobody of this batch waits on, unless more of his samples does."""
        for share in batch:
            if share.is_last:
                share.request.fail(Behind("the server is stopping"))
        self._under_way = []
        self._forget_answered()

    async def _commit(self, batch: list[_Share]) -> None:
        """Store a batch and note for each of its shares what became of it."""
        readings = list(chain.from_iterable(share.readings for share in batch))
        ended = list(chain.from_iterable(share.ended for share in batch))
        try:
            stored = await self._lane.run(lambda claim: self._store(readings, ended=ended, before_commit=claim))
        except UNFIT as error:
            await self._commit_apart(batch, error)
        except Exception as error:
            self._say(works=False, error=error)
            self._fail(batch, Behind("the database does not answer"))
        else:
            self._say(works=True)
            self._count(stored, batch)
            await self._tell(stored)

    async def _commit_apart(self, batch: list[_Share], error: Exception) -> None:
        """Find out whose samples the database refuses, so that their neighbours do not suffer for them."""
        if len(batch) == 1:
            logger.error("the database refuses samples that passed every check: %s", type(error).__name__)
            self._fail(batch, Unfit("the database refuses these samples"))
            return
        for share in batch:
            await self._commit([share])

    def _count(self, stored: Stored, batch: list[_Share]) -> None:
        for share, outcome in zip(batch, outcomes(stored, [share.readings for share in batch]), strict=True):
            self.stored += outcome.new
            self.duplicates += outcome.duplicates
            self.refused += outcome.refused
            share.note(outcome)

    async def _tell(self, stored: Stored) -> None:
        with contextlib.suppress(TimeoutError):
            await self._lane.run(lambda _claim: self._teller.tell(stored))

    async def _wait_for_the_thread(self) -> None:
        """A thread that hangs in the database is waited for, while those who have waited too long are sent away."""
        while not await self._lane.idle(0.5):
            self._refuse(lambda item: time.monotonic() - item.since > self._patience_s, "the database does not answer")

    def _refuse(self, concerned: Callable[[_Waiting], bool], why: str) -> None:
        for item in self._waiting:
            if concerned(item):
                item.fail(Behind(why))
        self._forget_answered()

    @staticmethod
    def _fail(batch: Sequence[_Share], error: Exception) -> None:
        for share in batch:
            share.request.fail(error)

    def _forget_answered(self) -> None:
        """A request that failed in one transaction, or whose sender gave up, costs no further one."""
        self._waiting = deque(item for item in self._waiting if not item.done.done())
        self._samples = sum(item.size for item in self._waiting)

    def _say(self, *, works: bool, error: Exception | None = None) -> None:
        """One line when storing fails and one when it works again."""
        if works != self._works:
            self._works = works
            if works:
                logger.info("samples are stored again")
            else:
                logger.warning("samples cannot be stored and are answered with 503: %r", error)
