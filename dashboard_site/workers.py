"""Several serving processes on one port: started, watched, started again, stopped together."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from types import FrameType

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.2
RESTART_AFTER_S = 1.0
STOP_S = 12.0


class Workers:
    """`command` gives the command line of the worker with a number. One that ends is started again after a second."""

    def __init__(self, command: Callable[[int], list[str]], count: int) -> None:
        self._command = command
        self._count = count
        self._processes: list[subprocess.Popen] = []
        self._stopping: int | None = None

    def run(self) -> None:
        """Until SIGTERM or SIGINT, which the workers get as well."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        self._processes = [self._start(number) for number in range(self._count)]
        while self._stopping is None:
            time.sleep(LOOK_EVERY_S)
            self._replace_ended()
        self._wait()

    def _start(self, number: int) -> subprocess.Popen:
        # A session of its own: Ctrl-C in the terminal reaches the workers through us alone, once.
        return subprocess.Popen(self._command(number), start_new_session=True)

    def _replace_ended(self) -> None:
        for number, process in enumerate(self._processes):
            if process.poll() is not None and self._stopping is None:
                logger.warning("A worker ended with status %s; starting another.", process.returncode)
                time.sleep(RESTART_AFTER_S)
                self._processes[number] = self._start(number)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = number
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(number)

    def _wait(self) -> None:
        ends = time.monotonic() + STOP_S
        for process in self._processes:
            try:
                process.wait(max(0.0, ends - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()


def worker_command(address: str) -> Callable[[int], list[str]]:
    return lambda number: [sys.executable, sys.argv[0], "serve", address, "--worker", str(number)]
