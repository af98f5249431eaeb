"""What runs beside the requests of a process: the hub, attendance, the writer of samples, the collector."""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
import socket

from live.chat.attendance import Attendance
from live.push.hub import Hub


def process_name() -> str:
    """Unique among all processes that share a database: "host-4711-a1b2"."""
    return f"{socket.gethostname().split('.')[0]}-{os.getpid()}-{secrets.token_hex(2)}"


class Runtime:
    """Started by the server's lifespan, or with the first connection on servers that have none (daphne)."""

    def __init__(self) -> None:
        self._starting: asyncio.Task | None = None
        self._tasks: list[asyncio.Task] = []
        self.hub: Hub | None = None

    async def ensure_started(self) -> None:
        if self._starting is None:
            self._starting = asyncio.ensure_future(self._start())
        await asyncio.shield(self._starting)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self.hub is not None:
            await self.hub.stop()

    async def _start(self) -> None:
        self.hub = Hub(process_name())
        self.hub.start()
        self._tasks = [asyncio.ensure_future(Attendance(self.hub.roster).run())]
        # What is loaded by now lives as long as the process: full collections need not look at it again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(100_000, 50, 100)
