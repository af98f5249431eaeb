"""The writer: requests that wait share a transaction; each is answered after the commit that holds its samples."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain

from django.db import DataError, IntegrityError

from metrics.series.readings import Reading
from metrics.series.storing import Stored, store
from metrics.sources.ending import end
from metrics.sources.lane import Lane
from metrics.sources.telling import Teller

logger = logging.getLogger(__name__)

BATCH = 5_000
"""Samples in one transaction, unless a single request brings more."""
QUEUE = 20_000
"""Samples that may wait."""
PATIENCE_S = 5.0
PAUSE_S = 0.01
"""Between transactions: in a stream of small requests they gather meanwhile, and a lone one does not wait."""
STOP_S = 1.0
NO_ROOM = "new series are refused, since the source has as many as it may"
UNFIT = (DataError, IntegrityError, ValueError, TypeError, OverflowError)


class Behind(Exception):
    """The samples were not stored and will not be, unless sent again.

    One case is undecidable: a commit that does not answer. It is harmless with timestamps, since a sample that is
    there already is passed over.
    """


class Unfit(Exception):
    """The database refuses these samples, and would again."""


@dataclass(slots=True, eq=False)
class _Waiting:
    readings: Sequence[Reading]
    done: asyncio.Future[None]
    since: float

    def answer(self, error: Exception | None = None) -> None:
        if self.done.done():
            return
        if error:
            self.done.set_exception(error)
        else:
            self.done.set_result(None)


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
        self._under_way: list[_Waiting] = []
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
        oldest = self._under_way[:1] or list(self._waiting)[:1]
        return time.monotonic() - oldest[0].since if oldest else 0.0

    def start(self) -> None:
        """Begin to write. `write` does it by itself; after `stop` it makes the writer usable again."""
        self._stopping = False
        self._ensure_running()

    async def stop(self) -> None:
        """Write what waits, for at most 2 s; what is left is answered Behind, and so is everything that comes."""
        self._stopping = True
        task, self._task = self._task, None
        if task is None:
            return
        pending = [item.done for item in (*self._under_way, *self._waiting)]
        if pending:
            await asyncio.wait(pending, timeout=STOP_S)
        await self._lane.idle(STOP_S)
        await end(task)
        self._refuse(lambda _item: True, "the server is stopping")

    async def write(self, readings: Sequence[Reading]) -> None:
        """Return after the commit that holds the readings. Raises Behind and Unfit; then nothing of them is stored."""
        if self._stopping:
            raise Behind("the server is stopping")
        if self._samples >= QUEUE or self.behind_s > self._patience_s:
            raise Behind("too many samples are waiting to be stored")
        self._ensure_running()
        item = _Waiting(readings, asyncio.get_running_loop().create_future(), time.monotonic())
        self._waiting.append(item)
        self._samples += len(readings)
        self._more.set()
        await item.done

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
                self._answer(batch, Behind("the server is stopping"))
                self._under_way = []
                self._samples = sum(len(item.readings) for item in self._waiting)
            await asyncio.sleep(PAUSE_S)

    def _gather(self) -> list[_Waiting]:
        """The requests of the next transaction, in the order in which they came."""
        batch: list[_Waiting] = []
        size = 0
        while self._waiting and (not batch or size + len(self._waiting[0].readings) <= BATCH):
            item = self._waiting.popleft()
            batch.append(item)
            size += len(item.readings)
        if not self._waiting:
            self._more.clear()
        return batch

    async def _commit(self, batch: list[_Waiting]) -> None:
        """Store a batch and answer each of its requests."""
        readings = list(chain.from_iterable(item.readings for item in batch))
        try:
            stored = await self._lane.run(lambda claim: self._store(readings, before_commit=claim))
        except UNFIT as error:
            await self._commit_apart(batch, error)
        except Exception as error:
            self._say(works=False, error=error)
            self._answer(batch, Behind("the database does not answer"))
        else:
            self._say(works=True)
            self._count(stored, batch)
            await self._tell(stored)

    async def _commit_apart(self, batch: list[_Waiting], error: Exception) -> None:
        """Find out whose samples the database refuses, so that their neighbours do not suffer for them."""
        if len(batch) == 1:
            logger.error("the database refuses samples that passed every check: %r", error)
            self._answer(batch, Unfit("the database refuses these samples"))
            return
        for item in batch:
            await self._commit([item])

    def _count(self, stored: Stored, batch: list[_Waiting]) -> None:
        self.stored += stored.new
        self.duplicates += stored.duplicates
        for item in batch:
            refused = sum(reading.identity in stored.refused for reading in item.readings) if stored.refused else 0
            self.refused += refused
            item.answer(Unfit(NO_ROOM) if refused == len(item.readings) else None)

    async def _tell(self, stored: Stored) -> None:
        with contextlib.suppress(TimeoutError):
            await self._lane.run(lambda _claim: self._teller.tell(stored))

    async def _wait_for_the_thread(self) -> None:
        """A thread that hangs in the database is waited for, while those who have waited too long are sent away."""
        while not await self._lane.idle(0.5):
            self._refuse(lambda item: time.monotonic() - item.since > self._patience_s, "the database does not answer")

    def _refuse(self, concerned: Callable[[_Waiting], bool], why: str) -> None:
        self._answer([item for item in self._waiting if concerned(item)], Behind(why))
        self._waiting = deque(item for item in self._waiting if not item.done.done())

    @staticmethod
    def _answer(batch: Sequence[_Waiting], error: Exception) -> None:
        for item in batch:
            item.answer(error)

    def _say(self, *, works: bool, error: Exception | None = None) -> None:
        """One line when storing fails and one when it works again."""
        if works != self._works:
            self._works = works
            if works:
                logger.info("samples are stored again")
            else:
                logger.warning("samples cannot be stored and are answered with 503: %r", error)
