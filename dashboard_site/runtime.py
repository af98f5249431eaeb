"""What runs beside the requests of a process: the hub, attendance, the writer of samples, the collector."""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
import socket

import psutil
from django.conf import settings

from live.chat.attendance import Attendance
from live.push.hub import Hub
from metrics.boards.changes import announce
from metrics.ingest.writer import Writer
from metrics.sources.collector import Collector
from metrics.sources.own import OwnFigures
from metrics.sources.rejections import rejections

MACHINE = socket.gethostname().split(".")[0]


class Runtime:
    """Started by the server's lifespan, or with the first connection on servers that have none (daphne)."""

    def __init__(self) -> None:
        self.name = f"{MACHINE}-{os.getpid()}-{secrets.token_hex(2)}"
        """Unique among all processes that ever shared a database: who holds the lease, who owns a roster."""
        self.label = f"{MACHINE}-{os.getpid()}"
        """Names the process on its own figures. `serve` gives one that outlives a restart, so that series go on."""
        self.writer = Writer(announce)
        self._starting: asyncio.Task | None = None
        self._attendance: asyncio.Task | None = None
        self._hub: Hub | None = None
        self._collector: Collector | None = None
        self._own: OwnFigures | None = None

    async def ensure_started(self) -> None:
        if self._starting is None:
            self._starting = asyncio.ensure_future(self._start())
        await asyncio.shield(self._starting)

    async def drain(self, seconds: float) -> None:
        """Send the open pages away; they come back by themselves."""
        if self._hub is not None:
            await self._hub.drain(seconds)

    async def stop(self) -> None:
        """What writes goes first, so that what it wrote is still announced."""
        if self._attendance is not None:
            self._attendance.cancel()
        for one in (self._own, self._collector, self.writer, rejections, self._hub):
            if one is not None:
                await one.stop()

    async def _start(self) -> None:
        self._hub = hub = Hub(self.name)
        self._collector = collector = Collector(announce, self.name)
        memory = psutil.Process().memory_info
        self._own = OwnFigures(
            lambda: hub.figures() | {"samples": collector.stored, "memory": memory().rss}, self.writer, self.label
        )
        for one in (hub, self.writer, rejections, self._own):
            one.start()
        if settings.COLLECT:
            collector.start()
        self._attendance = asyncio.ensure_future(Attendance(hub.roster).run())
        # What is loaded by now lives as long as the process: full collections need not look at it again.
        gc.collect()
        gc.freeze()
        # Often and little: with 100,000 every request stood still for 60 ms now and then.
        gc.set_threshold(5_000, 20, 100)


runtime = Runtime()
