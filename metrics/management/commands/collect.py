"""`manage.py collect`: sample the machine, fetch sources, roll up and forget, in a process that does nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import signal
import socket
from typing import Any

from django.core.management.base import BaseCommand

from metrics.boards.changes import announce
from metrics.sources.collector import Collector
from metrics.sources.rejections import rejections

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Collect until a signal says otherwise. One process collects at a time; others wait to take over."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        machine = socket.gethostname().split(".")[0]
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(collect(f"{machine}-{os.getpid()}-{secrets.token_hex(2)}"))


async def collect(process: str) -> None:
    """Until SIGTERM or SIGINT; then the lease is free at once."""
    stopping = asyncio.Event()
    with contextlib.suppress(NotImplementedError):  # Windows has no such handlers; there Ctrl-C ends it.
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    collector = Collector(announce, process)
    for one in (rejections, collector):
        one.start()
    logger.info("%s collects while nobody else does", process)
    try:
        await stopping.wait()
    finally:
        for one in (collector, rejections):
            await one.stop()
