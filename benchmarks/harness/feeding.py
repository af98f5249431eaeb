"""A server that is fed: a board whose tiles show what is sent, sockets that watch it, and a sender."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psutil
import psycopg
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from benchmarks.harness.batches import SHARDS, metric, path_of
from benchmarks.harness.load import Load, LoadFailed
from benchmarks.harness.processes import cpu_ns, listener, resident_kib
from benchmarks.harness.sender import Sent
from tests.servers.watchfloor import ROOT, Watchfloor

BOARD = "/ws/boards/main/"
SOCKETS = 50
TILES = 5
"""Of each shard."""
WARM_UP_S = 3.0
DRAIN_S = 3.0
MEMORY_EVERY_S = 1.0

MAKE_TILES = """
from metrics.boards.models import Board
from metrics.boards.verbs import put_on_board
from metrics.kpis.models import KPI
from metrics.kpis.verbs import make_kpi
board = Board.objects.get(slug="main")
for name, metric, labels in {tiles!r}:
    put_on_board(board, make_kpi(KPI(name=name, metric=metric, labels=labels)))
"""
FIGURE = re.compile(r'id="tile-shard-(\d)-1".*?class="tile-value[^>]*>([\d,]+)<', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Fed:
    """What came of a phase. Rates are samples a second; CPU is in µs per sample.

    `ages_ms`: for each request, from its making until a frame showed its samples or later ones. `memory_kib` is what
    the server held, second by second. `behind_s`: at its end, the age of the oldest sample that was not rolled up.
    """

    rate: float
    cpu_us: float
    database_us: float
    ages_ms: list[float]
    answered_ms: list[float]
    overloads: int
    memory_kib: list[int]
    frames: int
    sender_cpu: float
    behind_s: float

    @property
    def per_cpu_second(self) -> float:
        return 1e6 / self.cpu_us

    def age_ms(self, share: float) -> float:
        return _percentile(self.ages_ms, share)

    def answer_ms(self, share: float) -> float:
        return _percentile(self.answered_ms, share)

    @property
    def growth_mib(self) -> float:
        """Per minute, from the second quarter to the last: caches fill in the first.

        Of medians, since roll-ups take 20 MiB for a moment.
        """
        quarter = len(self.memory_kib) // 4
        early, late = self.memory_kib[quarter : 2 * quarter], self.memory_kib[3 * quarter :]
        return (statistics.median(late) - statistics.median(early)) / 1024 / (2 * quarter * MEMORY_EVERY_S / 60)


class Feed:
    """A server with a board of 20 tiles, and 50 sockets and a probe that watch it."""

    def __init__(self, folder: Path, database: str = "") -> None:
        self._server = Watchfloor(folder, {"DATABASE_URL": database} if database else {})
        self._database = database

    @contextmanager
    def open(self) -> Iterator[Self]:
        with self._server as server:
            self._token = server.source_token()
            server.shell(MAKE_TILES.format(tiles=tiles()))
            with Load(server.port, BOARD, SOCKETS) as self._load, Probe(server) as self._probe:
                yield self

    def run(self, format: str, rate: int, seconds: float) -> Fed:
        """Send for so long; see benchmarks.harness.sender. Raises LoadFailed when a socket is lost."""
        assert self._server.process
        pid = self._server.process.pid
        with self._sender(format, rate, seconds) as sender:
            _line(sender)
            self._load.report()
            began, cpu, database = time.monotonic(), cpu_ns(pid), self._database_s()
            with Memory(pid) as memory:
                sent = Sent(**json.loads(_line(sender)))
            spent, took = cpu_ns(pid) - cpu, time.monotonic() - began
            database, behind_s = self._database_s() - database, self._behind_s()
        received = self._load.report()
        if received.open < SOCKETS or not received.frames:
            raise LoadFailed(f"{received.open} of {SOCKETS} sockets are open and got {received.frames} frames")
        time.sleep(DRAIN_S)
        return Fed(
            rate=sent.samples / took,
            cpu_us=spent / 1000 / sent.samples,
            database_us=database * 1e6 / sent.samples,
            ages_ms=self._probe.ages(sent),
            answered_ms=sent.answered_ms,
            overloads=sent.overloads,
            memory_kib=memory.kib,
            frames=received.frames,
            sender_cpu=sent.cpu_s / took,
            behind_s=behind_s,
        )

    @contextmanager
    def _sender(self, format: str, rate: int, seconds: float) -> Iterator[subprocess.Popen[str]]:
        words = (self._server.port, format, rate, WARM_UP_S, seconds)
        command = [sys.executable, "-m", "benchmarks.harness.sender", *map(str, words)]
        environment = os.environ | {"WATCHFLOOR_TOKEN": self._token}
        with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as sender:
            try:
                yield sender
            except BaseException:
                sender.kill()
                raise
        if sender.returncode:
            raise LoadFailed(f"the sender ended with {sender.returncode}")

    def _behind_s(self) -> float:
        if self._database:
            connection: Any = psycopg.connect(self._database)
        else:
            connection = sqlite3.connect(Path(self._server.environment["DATA_DIR"]) / "watchfloor.sqlite3")
        with contextlib.closing(connection):
            oldest = connection.execute("SELECT min(dirty_from) FROM metrics_series").fetchone()[0]
        return time.time() - oldest / 1000 if oldest else 0.0

    def _database_s(self) -> float:
        """CPU time of PostgreSQL: of its processes, and of those that have ended."""
        if not self._database:
            return 0.0
        server = psutil.Process(listener(self._database))
        own = server.cpu_times()
        living = [one.cpu_times() for one in server.children()]
        return own.children_user + own.children_system + sum(one.user + one.system for one in (own, *living))


class Probe:
    """A socket of the board that notes when it shows which value of each shard's second tile."""

    def __init__(self, server: Watchfloor) -> None:
        address = server.url.replace("http", "ws", 1) + BOARD
        self._socket = connect(address, origin=server.url, proxy=None, max_size=None)  # type: ignore[arg-type]
        self._seen: defaultdict[int, list[tuple[int, float]]] = defaultdict(list)
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._socket.close()
        self._thread.join()

    def ages(self, sent: Sent) -> list[float]:
        """How old each stamp was, in ms, when it or a later one of its shard was shown; infinite when never."""
        return [self._shown(shard, stamp) - stamp for shard, stamp in sent.stamps]

    def _shown(self, shard: int, stamp: int) -> float:
        seen = self._seen[shard]
        at = bisect_left(seen, (stamp, 0.0))
        return seen[at][1] if at < len(seen) else math.inf

    def _read(self) -> None:
        try:
            while True:
                frame, now = str(self._socket.recv()), time.monotonic() * 1000
                for shard, figure in FIGURE.findall(frame):
                    self._seen[int(shard)].append((int(figure.replace(",", "")), now))
        except ConnectionClosed:
            return


class Memory:
    """What a process holds, once a second."""

    def __init__(self, pid: int) -> None:
        self.kib: list[int] = []
        self._pid = pid
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._note, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ends.set()
        self._thread.join()

    def _note(self) -> None:
        while not self._ends.wait(MEMORY_EVERY_S):
            self.kib.append(resident_kib(self._pid))


def tiles() -> list[tuple[str, str, dict[str, str]]]:
    """The name, metric and labels of each KPI: the first few series of each shard."""
    return [(f"Shard {shard} {n}", metric(shard), path_of(n)) for shard in range(SHARDS) for n in range(TILES)]


def _percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[math.ceil(len(values) * share) - 1]


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline()
