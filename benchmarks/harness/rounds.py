"""Rounds of broadcasts: A B A B, so that what disturbs the machine disturbs everybody."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from benchmarks.harness.load import Load, LoadFailed
from benchmarks.harness.processes import cpu_ns
from benchmarks.harness.servers import Server

GAP_S = 0.002
"""After each broadcast. Without it texts run together on the wire, which flatters the slow."""

LEAST, MOST = 3, 20

Name = TypeVar("Name")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Round:
    """`cpu_us`: the server's CPU time per pushed frame, less what it spends at rest in the same time.

    `gross_us`: all its CPU time per frame received, heartbeats included: it depends on the pause between broadcasts,
    in which a server that has other work (collecting, healing, rights) does it. `p50_ms` and `p99_ms`: age of a frame
    when the generator read it. `bytes` on the wire per frame.
    """

    cpu_us: float
    gross_us: float
    p50_ms: float
    p99_ms: float
    bytes: float
    load_cpu_us: float


def at_rest(server: Server, seconds: float) -> float:
    """CPU ns a second of a server to which nobody publishes."""
    before = cpu_ns(server.pid)
    time.sleep(seconds)
    return (cpu_ns(server.pid) - before) / seconds


def broadcast(server: Server, load: Load, order: str, times: int, *, rest: float = 0.0) -> Round:
    """Publish, wait until every socket has it, and again. `rest` is what `at_rest` gave.

    Raises LoadFailed when a frame is missing.
    """
    load.report()
    before, began = cpu_ns(server.pid), time.monotonic()
    for number in range(1, times + 1):
        server.publish(order)
        got = load.await_marked(number * load.sockets)
        if got < number * load.sockets:
            raise LoadFailed(f"{server.name}: {got} frames of {number * load.sockets}")
        time.sleep(GAP_S)
    spent, seconds = cpu_ns(server.pid) - before, time.monotonic() - began
    received = load.report()
    return Round(
        cpu_us=(spent - rest * seconds) / received.marked / 1000,
        gross_us=spent / received.frames / 1000,
        p50_ms=received.p50 / 1000,
        p99_ms=received.p99 / 1000,
        bytes=received.bytes / received.frames,
        load_cpu_us=received.cpu_ns / received.frames / 1000,
    )


def broadcasts(sockets: int, frames: int) -> int:
    """How often to publish in a round, so that it gives about so many frames and still takes seconds, not minutes."""
    return min(MOST, max(LEAST, frames // sockets))


def interleaved(works: Mapping[Name, Callable[[], Result]], rounds: int) -> dict[Name, list[Result]]:
    """The results of `rounds` turns of everybody."""
    results: dict[Name, list[Result]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            results[name].append(work())
    return results


def median(rounds: list[Round], figure: str) -> float:
    return statistics.median(getattr(one, figure) for one in rounds)


def spread(rounds: list[Round], figure: str, *, digits: int = 1) -> str:
    """ "8.3 [7.9-9.1]": median, least, most."""
    values = [getattr(one, figure) for one in rounds]
    return f"{statistics.median(values):.{digits}f} [{min(values):.{digits}f}-{max(values):.{digits}f}]"
