"""The sources that the collector fetches: each by itself, in a thread of its own, stored under the lease."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import nullcontext
from datetime import datetime
from functools import partial
from time import time
from typing import Protocol

from django.db import DataError, IntegrityError
from django.db.models import F, Value
from django.db.models.functions import Coalesce

from live.clock import from_ms, now_ms
from metrics.ingest.calls import Reason
from metrics.sentences import sentence as _
from metrics.series.storing import Stored
from metrics.sources.attempts import Attempt, begin, given_up, limit_s
from metrics.sources.ending import end
from metrics.sources.lane import Claim, Lane
from metrics.sources.lease import LeaseLost
from metrics.sources.models import Pull, Source
from metrics.sources.pulling import MODULES, keep_of
from metrics.sources.rejections import note
from metrics.sources.schedule import is_due, next_due
from metrics.sources.seconds import next_second
from metrics.sources.telling import Teller

logger = logging.getLogger(__name__)

AT_ONCE = 16
"""Sources that are fetched at the same time."""
FAILING_AT_ONCE = 8
"""Of these, such as failed the last time: those that answer are not to wait for those that hang."""
BACK_OFF_S = 5.0
UNFIT = (DataError, IntegrityError, ValueError, TypeError, OverflowError)


class UnderLease(Protocol):
    """Runs work in a transaction of the collector; raises LeaseLost when this process may not write."""

    def __call__(self, claim: Claim, work: Callable[[], Stored]) -> Stored: ...


class Pulls:
    """`holds` says whether this process is the collector; only then sources are fetched.

    `stored` counts samples since the start.
    """

    def __init__(self, holds: Callable[[], bool], under_lease: UnderLease, teller: Teller) -> None:
        self.stored = 0
        self._holds = holds
        self._under_lease = under_lease
        self._teller = teller
        self._asking, self._keeping = Lane(), Lane()
        self._turn = asyncio.Lock()
        self._room = asyncio.Semaphore(AT_ONCE)
        self._room_for_failing = asyncio.Semaphore(FAILING_AT_ONCE)
        self._jobs: dict[int, asyncio.Task[None]] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="pulls")

    async def stop(self) -> None:
        """End the jobs; what they have not stored by now is not stored."""
        task, self._task = self._task, None
        await end(task)
        for job in list(self._jobs.values()):
            await end(job)
        self._jobs.clear()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(next_second(time()))
            if self._holds() and not self._asking.busy:
                # The collector's own task says when the database does not answer.
                with contextlib.suppress(Exception):
                    await self.begin_due()

    async def begin_due(self) -> None:
        """Start a job for each source that is due and has none. Raises what the database raises."""
        busy, now = set(self._jobs), now_ms()
        for pull in await self._asking.run(lambda _claim: due_pulls(now, busy)):
            job = asyncio.create_task(self._fetch(pull), name=f"pull {pull.source}")
            self._jobs[pull.pk] = job
            job.add_done_callback(partial(self._forget, pull.pk))

    async def idle(self) -> None:
        """Wait until no job is left."""
        while self._jobs:
            await asyncio.wait(list(self._jobs.values()))

    def _forget(self, pk: int, job: asyncio.Task[None]) -> None:
        self._jobs.pop(pk, None)
        if not job.cancelled() and (error := job.exception()):
            logger.error("a job of the collector failed", exc_info=error)

    async def _fetch(self, pull: Pull) -> None:
        async with self._room_for_failing if pull.failures else nullcontext(), self._room:
            began = now_ms()
            fetching = asyncio.wrap_future(begin(pull))
            try:
                await asyncio.wait([fetching], timeout=limit_s(pull))
            except asyncio.CancelledError:
                # Otherwise its thread would tell a loop that is closed by then.
                fetching.cancel()
                raise
            attempt = fetching.result() if fetching.done() else given_up(pull, began)
        await self._keep_safely(pull, attempt)
        # A thread that hangs keeps its source busy: it gets no second one. Awaited, a cancellation reaches it.
        await fetching

    async def _keep_safely(self, pull: Pull, attempt: Attempt) -> None:
        try:
            await self._keep(pull, attempt)
        except LeaseLost:
            return
        except UNFIT as error:
            logger.error("%s: the database refuses what was fetched: %r", pull.source, error)
            refused = Attempt(attempt.began, error=_("The database refuses what was fetched."), took_ms=attempt.took_ms)
            with contextlib.suppress(Exception):
                await self._keep(pull, refused)
        except Exception as error:
            logger.debug("%s: fetched, and not stored: %r", pull.source, error)
            await asyncio.sleep(BACK_OFF_S)

    async def _keep(self, pull: Pull, attempt: Attempt) -> None:
        async with self._turn:
            # A thread that hangs in the database is waited for.
            while not await self._keeping.idle(BACK_OFF_S):
                pass
            stored = await self._keeping.run(
                lambda claim: self._under_lease(claim, lambda: keep_attempt(pull, attempt))
            )
            self.stored += stored.new
            _note_rejections(pull, attempt, stored)
            await self._keeping.run(lambda _claim: self._teller.tell(stored))


def due_pulls(now: int, busy: Collection[int]) -> list[Pull]:
    """Those to be fetched at `now` (epoch ms), their sources with them, the one that waits longest first."""
    pulls = Pull.objects.filter(enabled=True, source__kind__in=MODULES).select_related("source")
    waiting = pulls.order_by(F("due_at").asc(nulls_first=True), "pk")
    return [pull for pull in waiting if pull.pk not in busy and is_due(pull, now)]


def keep_attempt(pull: Pull, attempt: Attempt) -> Stored:
    """Store what the attempt brought, and in the pull how it went. Runs in the collector's transaction."""
    stored = keep_of(pull.source.kind)(pull, attempt.taken)
    at = from_ms(attempt.began)
    if attempt.error:
        _note_failure(pull, attempt, at)
    else:
        _note_success(pull, attempt, at)
    return stored


def _note_success(pull: Pull, attempt: Attempt, at: datetime) -> None:
    Pull.objects.filter(pk=pull.pk).update(
        succeeded_at=at,
        failing_since=None,
        failures=0,
        took_ms=attempt.took_ms,
        samples=len(attempt.taken.readings),
        due_at=from_ms(next_due(pull, attempt.began, 0)),
    )


def _note_failure(pull: Pull, attempt: Attempt, at: datetime) -> None:
    Pull.objects.filter(pk=pull.pk).update(
        failing_since=Coalesce(F("failing_since"), Value(at)),
        failures=F("failures") + 1,
        took_ms=attempt.took_ms,
        due_at=from_ms(next_due(pull, attempt.began, pull.failures + 1)),
    )
    Source.objects.filter(pk=pull.source_id).update(last_error=attempt.error, last_error_at=at)


def _note_rejections(pull: Pull, attempt: Attempt, stored: Stored) -> None:
    """Count what was not taken, and what the database had already, keeps no more, or has no room for."""
    refused = sum(reading.identity in stored.refused for reading in attempt.taken.readings) if stored.refused else 0
    counts = attempt.taken.rejected + Counter(
        {
            Reason.DUPLICATE: stored.duplicates,
            Reason.TOO_OLD: sum(stored.too_old.values()),
            Reason.SERIES_LIMIT: refused,
        }
    )
    note(pull.source_id, counts, attempt.taken.error)
