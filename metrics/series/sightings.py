"""When each source was last seen, and how far its clock is off, written at most once a minute."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from statistics import median_low

from django.utils import timezone

from metrics.sources.models import Source

EVERY_S = 60
LAGS = 60
"""Calls whose delay is remembered of each source."""
SOURCES = 10_000


class Skews:
    """How far the senders' clocks are behind ours: the median delay of the newest sample of their last calls, in ms.

    The newest, since a sender that gathers for a while, or fills a gap, has a clock that is right all the same. A
    clock that is ahead gives a negative number.
    """

    def __init__(self) -> None:
        self._lags: OrderedDict[int, deque[int]] = OrderedDict()
        self._lock = threading.Lock()

    def note(self, source: int, received: int, newest: int) -> None:
        """A call came at `received`, whose newest sample was of `newest` (both in epoch ms)."""
        with self._lock:
            lags = self._lags.setdefault(source, deque(maxlen=LAGS))
            self._lags.move_to_end(source)
            lags.append(received - newest)
            if len(self._lags) > SOURCES:
                self._lags.popitem(last=False)

    def of(self, source: int) -> int | None:
        """None for a source that sends no times."""
        with self._lock:
            lags = self._lags.get(source)
            return median_low(lags) if lags else None


skews = Skews()
"""Those of this process."""


class Sightings:
    """Remembers per process which sources were noted lately, so that a busy source costs no write per request."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, skews: Skews = skews) -> None:
        self._clock = clock
        self._skews = skews
        self._noted: dict[int, float] = {}
        self._lock = threading.Lock()

    def note(self, sources: Iterable[int]) -> None:
        """Write what was seen, one row per statement, so that no two processes wait for each other's rows."""
        for source in self._due(sources):
            seen = {"last_seen_at": timezone.now(), "skew_ms": self._skews.of(source)}
            Source.objects.filter(pk=source).update(
                **{name: value for name, value in seen.items() if value is not None}
            )

    def _due(self, sources: Iterable[int]) -> list[int]:
        now = self._clock()
        with self._lock:
            due = [source for source in sources if now - self._noted.get(source, -EVERY_S) >= EVERY_S]
            self._noted.update(dict.fromkeys(due, now))
        return due
