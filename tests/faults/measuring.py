"""Figures of a run: printed, so that they can be quoted, and compared with what was promised."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterable, Sequence

import psutil

from tests.servers.watchfloor import Watchfloor

MIB = 1024 * 1024


def report(test: str, **figures: float | str) -> None:
    """One line, shown by `pytest -rP`."""
    pairs = (
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}" for name, value in figures.items()
    )
    print(f"{test}: {' '.join(pairs)}")


def percentile(values: Sequence[float] | Iterable[float], percent: float) -> float:
    """The smallest value that so many percent do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def rss_mib(server: Watchfloor) -> float:
    assert server.process
    return psutil.Process(server.process.pid).memory_info().rss / MIB


def peers(server: Watchfloor) -> set[int]:
    """The ports of those who hold a TCP connection to the server, as the kernel sees it on the server's side."""
    assert server.process
    held = psutil.Process(server.process.pid).net_connections("tcp")
    ours = (one for one in held if one.status != psutil.CONN_LISTEN and one.laddr.port == server.port)
    return {one.raddr.port for one in ours if one.raddr}


def figures(server: Watchfloor) -> dict[str, float]:
    """What the process says of itself at /metrics, by name and labels."""
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[:1] not in "#")}
