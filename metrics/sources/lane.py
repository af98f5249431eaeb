"""One piece of database work at a time, from a loop that does not wait for ever and knows what became of it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

from live.database import in_pool

R = TypeVar("R")
Claim = Callable[[], None]

COMMIT_S = 5.0
"""How long a commit that is under way may take beyond the pool's own time limit."""


class CalledOff(Exception):
    """The work came to its commit after it was called off. Nothing of it is stored."""


class Lane:
    """Runs one piece of work at a time in the pool.

    A thread cannot be stopped, so work that outlives its time limit keeps the lane busy until its thread ends: a
    database that hangs costs one thread, however often it is asked.
    """

    def __init__(self) -> None:
        self._work: _Work | None = None

    @property
    def busy(self) -> bool:
        return self._work is not None and not self._work.outcome.done()

    async def run(self, function: Callable[[Claim], R]) -> R:
        """What `function` returns or raises. It calls the claim that it is given right before it commits.

        Raises TimeoutError when it did not come to its commit in time; then the claim raises CalledOff, so that a
        late thread stores nothing. The one case that nobody can decide is a commit that itself does not answer.
        """
        if self.busy:
            raise RuntimeError("The lane is busy.")
        self._work = work = _Work(function)
        try:
            await in_pool(work)
        except TimeoutError:
            if work.call_off():
                raise
            await asyncio.wait([asyncio.wrap_future(work.outcome)], timeout=COMMIT_S)
        except BaseException:
            # Cancelled, or the pool failed before it came to the work.
            work.call_off()
            raise
        return work.outcome.result(timeout=0)

    async def idle(self, timeout_s: float) -> bool:
        """Wait for the lane to be free; False when it is not after `timeout_s`."""
        ends = time.monotonic() + timeout_s
        while self.busy and time.monotonic() < ends:
            await asyncio.sleep(0.02)
        return not self.busy


class _Work(Generic[R]):
    """A function, its outcome, and whether it may still commit: it is claimed or called off, never both."""

    def __init__(self, function: Callable[[Claim], R]) -> None:
        self.outcome: Future[R] = Future()
        self._function = function
        self._lock = threading.Lock()
        self._claimed = self._off = False

    def __call__(self) -> None:
        if not self.outcome.set_running_or_notify_cancel():
            return
        try:
            self.outcome.set_result(self._function(self._claim))
        except BaseException as error:
            self.outcome.set_exception(error)

    def _claim(self) -> None:
        with self._lock:
            if self._off:
                raise CalledOff
            self._claimed = True

    def call_off(self) -> bool:
        """Whether it is now certain that the work commits nothing more."""
        if self.outcome.cancel():
            return True
        with self._lock:
            self._off = not self._claimed and not self.outcome.done()
            return self._off
