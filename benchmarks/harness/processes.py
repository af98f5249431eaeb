"""What a process costs, from the kernel's own books."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import psutil


def cpu_ns(pid: int) -> int:
    """CPU time of all living threads. Finer than /proc/PID/stat, which counts in ticks of 10 ms."""
    return sum(int(file.read_text().split()[0]) for file in Path(f"/proc/{pid}/task").glob("*/schedstat"))


def waited_ns(*pids: int) -> int:
    """How long the main threads of these processes were ready to run while others had the processors."""
    return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) for pid in pids)


def resident_kib(pid: int) -> int:
    """Memory that the process holds (VmRSS)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def listener(url: str) -> int:
    """The process that listens at the address's port."""
    port = urlsplit(url).port
    for one in psutil.net_connections("tcp"):
        if one.status == psutil.CONN_LISTEN and one.laddr.port == port and one.pid:
            return one.pid
    raise LookupError(f"nothing listens at {url}")
