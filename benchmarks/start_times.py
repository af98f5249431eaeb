"""Time from a clone to a live board, and of a second start.

    python benchmarks/start_times.py

The tree is copied as a clone would be, without what git ignores; the first start includes the environment and every
package. A board counts as live when its socket has brought the first value of this machine.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.repository import copy
from tests.servers.processes import free_port
from tests.servers.sockets import Socket
from tests.servers.watchfloor import Watchfloor


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder)
        copy(clone)
        for name in ("clone to live board", "second start", "third start"):
            page, live = start(clone)
            print(f"{name:<20} page {page:5.1f} s   live {live:5.1f} s", flush=True)


def start(clone: Path) -> tuple[float, float]:
    """Seconds until the first page, and until a value arrived over its socket."""
    server = Watchfloor(clone)
    port = free_port()
    server.url = f"http://127.0.0.1:{port}"
    environment = os.environ | {"PORT": str(port)}
    started = time.monotonic()
    make = subprocess.Popen(
        ["make", "run"], cwd=clone, env=environment, stdout=subprocess.DEVNULL, stderr=None, start_new_session=True
    )
    try:
        wait_for_page(server.url)
        page = time.monotonic() - started
        with Socket(server, "/ws/boards/main/") as socket:
            socket.until_text("tile-age")
        return page, time.monotonic() - started
    finally:
        os.killpg(make.pid, signal.SIGINT)
        make.wait()


def wait_for_page(url: str) -> None:
    while True:
        with suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.02)


if __name__ == "__main__":
    main()
