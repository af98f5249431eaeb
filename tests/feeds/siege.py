"""A server that is attacked while an honest program goes on sending to it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx

from tests.faults.crowd import until
from tests.faults.measuring import report, rss_mib
from tests.feeds.kept import samples
from tests.feeds.program import Program, tokens
from tests.servers.watchfloor import Watchfloor

SLOWEST_S = 1.0
TRIES = 4
"""The machine is shared: what is slow each time is slow."""
GROWTH_MIB = 128
LOOK_EVERY_S = 0.01
WARM = 40
"""Batches of the program before the memory is measured."""
FAULTS = ("Traceback", "ERROR", "fault of ours")


class Told(NamedTuple):
    status: int
    headers: httpx.Headers
    body: bytes


class Peak(threading.Thread):
    """The most memory that a server has held since the start of this thread."""

    def __init__(self, server: Watchfloor) -> None:
        super().__init__(daemon=True)
        self.start_mib = self.mib = rss_mib(server)
        self._server, self._stopping = server, threading.Event()

    def run(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_S):
            self.mib = max(self.mib, rss_mib(self._server))

    def end(self) -> None:
        self._stopping.set()
        self.join()


class Siege:
    """`send` as an attacker who holds a token. `stand` says whether everything else is as it should be."""

    def __init__(self, server: Watchfloor, token: str, program: Program) -> None:
        self.server, self.token, self.program = server, token, program
        self.slowest_s, self.sent = 0.0, 0
        self._peak = Peak(server)
        self._client = httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {token}"}, timeout=30)
        self._peak.start()

    def send(self, path: str, body: bytes, *, method: str = "POST", **headers: str) -> Told:
        """The answer, which came within a second."""
        for _ in range(TRIES):
            started = time.monotonic()
            answer = self._client.request(method, path, content=body, headers=headers)
            took_s = time.monotonic() - started
            assert answer.status_code // 100 in (2, 4), f"{answer.status_code}: {answer.text[:300]}"
            assert answer.status_code not in (401, 404, 408, 429), answer.text[:300]
            if took_s < SLOWEST_S:
                break
        assert took_s < SLOWEST_S, f"{took_s:.2f} s, {TRIES} times"
        self.slowest_s, self.sent = max(self.slowest_s, took_s), self.sent + 1
        return Told(answer.status_code, answer.headers, answer.content)

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.server.port

    @property
    def growth_mib(self) -> float:
        return self._peak.mib - self._peak.start_mib

    def stand(self) -> None:
        """The server lives, took little memory, and logged no fault of its own; the program noticed nothing."""
        assert self.server.process is not None
        assert self.server.process.poll() is None, "the server ended"
        assert self.growth_mib < GROWTH_MIB, f"{self.growth_mib:.0f} MiB"
        log = self.server.log
        assert [word for word in FAULTS if word in log] == [], log[-4000:]
        before = self.program.batches
        until(lambda: self.program.batches > before, 10, "the program sends on")
        assert set(self.program.answers) == {204}, self.program.answers

    def end(self) -> None:
        self._peak.end()
        self._client.close()


@contextmanager
def besieged(folder: Path) -> Iterator[Siege]:
    with Watchfloor(folder) as server:
        attacker, honest = tokens(server, "attacker", "program")
        with Program(server.url, honest) as program:
            until(lambda: program.batches >= WARM, 30, "the program sends")
            siege = Siege(server, attacker, program)
            yield siege
            siege.end()
            siege.stand()
        assert samples(server, "program") == program.stored
        report(
            "siege", sent=siege.sent, slowest_s=siege.slowest_s, grown_mib=siege.growth_mib,
            program_longest_s=program.longest_s, batches=program.batches,
        )  # fmt: skip
