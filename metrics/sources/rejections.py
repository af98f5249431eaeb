"""What was rejected of each source, counted in memory and written every two seconds."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import Mapping

from django.db import DatabaseError, transaction
from django.db.models import F
from django.utils import timezone

from live.database import in_pool
from metrics.ingest.naming import UNFIT, clipped
from metrics.sentences import Sentence
from metrics.sources.ending import end
from metrics.sources.models import Rejection, Source

EVERY_S = 2.0
WAITING = 10_000
"""Pairs of source and reason that may wait for a database that does not answer."""
EXAMPLE = 500
"""Characters of an example."""

Key = tuple[int, str]


class Rejections:
    """One per process. A process that rejects samples starts it, and stops it before it ends.

    `totals` counts samples by reason since the start.
    """

    def __init__(self) -> None:
        self.totals: Counter[str] = Counter()
        self._counts: Counter[Key] = Counter()
        self._examples: dict[Key, str] = {}
        self._lock = threading.Lock()
        self._task: asyncio.Task[None] | None = None

    def note(self, source: int, rejected: Mapping[str, int], example: str) -> None:
        """Count rejected samples by reason (metrics.ingest.calls.Reason). Any thread may call this.

        `example` is a sentence (metrics.sentences), or "" where nothing is wrong (as with duplicates); a sentence
        becomes the source's last error.
        """
        said = _fit(example)
        with self._lock:
            for reason, samples in rejected.items():
                self.totals[reason] += samples
                if samples and (len(self._counts) < WAITING or (source, reason) in self._counts):
                    self._counts[source, reason] += samples
                    self._examples[source, reason] = said or self._examples.get((source, reason), "")

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="rejections")

    async def stop(self) -> None:
        task, self._task = self._task, None
        await end(task)
        with contextlib.suppress(DatabaseError, TimeoutError):
            await in_pool(self.write)

    def write(self) -> None:
        """Write what was noted. What the database does not take is kept for the next time, and the error raised."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
            examples, self._examples = self._examples, {}
        try:
            _write(counts, examples)
        except DatabaseError:
            with self._lock:
                self._counts.update(counts)
                self._examples = examples | self._examples
            raise

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            # The writer says when the database does not answer.
            with contextlib.suppress(DatabaseError, TimeoutError):
                await in_pool(self.write)


def _fit(example: str) -> str:
    """As it can be kept: a sentence of ours, or a text without what databases refuse."""
    fits = isinstance(example, Sentence) and len(example) <= EXAMPLE and not UNFIT.search(example)
    return example if fits else clipped(example, EXAMPLE)


def _write(counts: Mapping[Key, int], examples: Mapping[Key, str]) -> None:
    if not counts:
        return
    with transaction.atomic():
        # A source that is gone has no rejections; the lock keeps it until the commit.
        concerned = Source.objects.select_for_update(no_key=True).filter(pk__in={source for source, _ in counts})
        there = set(concerned.order_by("pk").values_list("pk", flat=True))
        for source, reason in sorted(counts):
            if source in there:
                _add(source, reason, counts[source, reason], examples[source, reason])


def _add(source: int, reason: str, samples: int, example: str) -> None:
    now = timezone.now()
    row, _created = Rejection.objects.get_or_create(source_id=source, reason=reason, defaults={"last_at": now})
    said = {"example": example} if example else {}
    Rejection.objects.filter(pk=row.pk).update(samples=F("samples") + samples, last_at=now, **said)
    if example:
        Source.objects.filter(pk=source).update(last_error=example, last_error_at=now)


rejections = Rejections()
"""Those of this process."""
note = rejections.note
