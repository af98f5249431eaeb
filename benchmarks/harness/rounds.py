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

Name = TypeVar("Name")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Round:
    """`cpu_us`: the server's CPU time per frame received, heartbeats and all that runs beside them included.

    `p50_ms` and `p99_ms`: age of a frame when the generator read it. `bytes` on the wire per marked frame.
    """

    cpu_us: float
    p50_ms: float
    p99_ms: float
    bytes: float
    load_cpu_us: float


def broadcast(server: Server, load: Load, order: str, times: int) -> Round:
    """Publish, wait until every socket has it, and again. Raises LoadFailed when a frame is missing."""
    load.report()
    before = cpu_ns(server.pid)
    for number in range(1, times + 1):
        server.publish(order)
        got = load.await_marked(number * load.sockets)
        if got < number * load.sockets:
            raise LoadFailed(f"{server.name}: {got} frames of {number * load.sockets}")
        time.sleep(GAP_S)
    spent = cpu_ns(server.pid) - before
    received = load.report()
    return Round(
        cpu_us=spent / received.frames / 1000,
        p50_ms=received.p50 / 1000,
        p99_ms=received.p99 / 1000,
        bytes=received.bytes / received.frames,
        load_cpu_us=received.cpu_ns / received.frames / 1000,
    )


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
