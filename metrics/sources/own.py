"""Watchfloor's own figures: each process writes its own every second, under its name."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from time import monotonic, time
from typing import Protocol

from live.clock import now_ms
from live.database import in_pool
from metrics.ingest.calls import Taken
from metrics.series.readings import Identity, Reading
from metrics.sources.ending import end
from metrics.sources.models import Source
from metrics.sources.seconds import next_second

logger = logging.getLogger(__name__)

NAME = "watchfloor"
GAUGES = {"sockets": "", "topics": "", "memory": "B", "loop_lag": "s", "beat_age": "s", "bus_up": ""}
COUNTERS = (
    *("frames", "fragments", "renders", "conflated", "overflows", "stalls", "gaps"),
    *("heals_version", "heals_unversioned", "samples"),
)


class Writes(Protocol):
    """What is needed of the writer. `stored` counts the samples that it stored."""

    stored: int

    async def write(self, taken: Taken) -> object: ...


class OwnFigures:
    """`read` gives the figures of this process: gauges as they are now, counters as totals since the start.

    `samples` among them are those that others than the writer stored.
    """

    def __init__(self, read: Callable[[], Mapping[str, float]], writer: Writes, process: str) -> None:
        self._read = read
        self._writer = writer
        self._labels = (("process", process),)
        self._before: Mapping[str, float] = {}
        self._before_at = 0.0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="own figures")

    async def stop(self) -> None:
        task, self._task = self._task, None
        await end(task)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(next_second(time()))
            # The figures of a second are not worth a word: the writer says when the database does not answer.
            with contextlib.suppress(Exception):
                await self.write_once()

    async def write_once(self) -> None:
        figures, now = self.figures(), now_ms() // 1000 * 1000
        source = await in_pool(Source.objects.ensure, NAME, Source.Kind.OWN)
        await self._writer.write(Taken([self._reading(source.pk, now, *figure) for figure in figures.items()]))

    def _reading(self, source: int, now: int, name: str, value: float) -> Reading:
        unit = GAUGES.get(name, "1/s")
        return Reading(Identity(source, f"watchfloor.{name}", self._labels), now, float(value), unit, "gauge")

    def figures(self) -> dict[str, float]:
        """Gauges as they are, counters as what they grew by per second since the last call (none at the first)."""
        totals, at = dict(self._read()), monotonic()
        totals["samples"] = totals.get("samples", 0) + self._writer.stored
        before, seconds = self._before, at - self._before_at
        self._before, self._before_at = totals, at
        gauges = {name: totals[name] for name in GAUGES if name in totals}
        grown = {name: totals[name] - before[name] for name in COUNTERS if name in totals and name in before}
        return gauges | {name: max(growth / seconds, 0.0) for name, growth in grown.items()}
