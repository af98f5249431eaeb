"""When each source was last seen, written at most once a minute."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from django.utils import timezone

from metrics.sources.models import Source

EVERY_S = 60


class Sightings:
    """Remembers per process which sources were noted lately, so that a busy source costs no write per request."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._noted: dict[int, float] = {}
        self._lock = threading.Lock()

    def note(self, sources: Iterable[int]) -> None:
        """Write `last_seen_at`, one row per statement, so that no two processes wait for each other's rows."""
        for source in self._due(sources):
            Source.objects.filter(pk=source).update(last_seen_at=timezone.now())

    def _due(self, sources: Iterable[int]) -> list[int]:
        now = self._clock()
        with self._lock:
            due = [source for source in sources if now - self._noted.get(source, -EVERY_S) >= EVERY_S]
            self._noted.update(dict.fromkeys(due, now))
        return due
