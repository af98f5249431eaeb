"""What a board costs the browser: 50 tiles, each with a new value twice a second.

    python benchmarks/browser_cost.py [--minutes 1]

The share of the main thread is Chromium's own TaskDuration; the heap and the nodes are counted after its garbage was
collected. Five minutes say more about the heap than one.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import httpx
from playwright.sync_api import CDPSession, Page

from benchmarks.harness.goals import Goal, Goals, say_how_busy
from tests.servers.chrome import Visitor, chrome
from tests.servers.watchfloor import Watchfloor

TILES = 50
EVERY_S = 0.5
WARM_UP_S = 70.0
"""Long enough for the change against a minute ago, which every tile then shows."""
SETTLE_MS = 2_500
"""Until nothing of the last update is still on its way."""
MIB = 1024 * 1024
ADD = f"""
from metrics.boards.models import Board
from metrics.boards.verbs import make_tile, save_board
board = Board(slug="load", name="Load", access="public")
save_board(board)
for number in range({TILES}):
    make_tile(board, f"load.{{number:02}}")
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """`busy_s`: CPU time of the page's main thread since it opened; the heap and the nodes are those still in use."""

    at: float
    busy_s: float
    heap: float
    nodes: float


def main(minutes: float) -> None:
    say_how_busy()
    goals = Goals()
    with tempfile.TemporaryDirectory() as folder, Watchfloor(Path(folder)) as server, chrome() as browser:
        sender = Sender(server)
        sender.send()
        server.shell(ADD)
        visitor = Visitor(browser, server)
        page = visitor.open("/boards/load/")
        session = visitor.context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        sender.keep_sending(page, WARM_UP_S)
        first = read(session, page)
        updates = sender.keep_sending(page, minutes * 60)
        last = read(session, page)
        tiles = page.locator("#tiles > article").count()
    judge(first, last, tiles, updates, goals)
    goals.finish()


class Sender:
    """A program that sends a new value for every tile."""

    def __init__(self, server: Watchfloor) -> None:
        self._address = f"{server.url}/api/samples"
        self._client = httpx.Client(headers={"Authorization": f"Bearer {server.source_token()}"})

    def send(self) -> None:
        samples = [{"metric": f"load.{number:02}", "value": random.randint(100, 999)} for number in range(TILES)]
        self._client.post(self._address, json=samples).raise_for_status()

    def keep_sending(self, page: Page, seconds: float) -> int:
        """Returns how often."""
        began = time.monotonic()
        count = 0
        while (now := time.monotonic() - began) < seconds:
            self.send()
            count += 1
            page.wait_for_timeout(max(0, (count * EVERY_S - now) * 1000))
        return count


def read(session: CDPSession, page: Page) -> Reading:
    figures = _figures(session)
    busy = figures["TaskDuration"]  # before the garbage is collected, which is not the page's own doing
    page.wait_for_timeout(SETTLE_MS)
    session.send("HeapProfiler.collectGarbage")
    settled = _figures(session)
    return Reading(figures["Timestamp"], busy, settled["JSHeapUsedSize"], settled["Nodes"])


def judge(first: Reading, last: Reading, tiles: int, updates: int, goals: Goals) -> None:
    minutes = (last.at - first.at) / 60
    print(f"\n{tiles} tiles, {updates} updates in {minutes:.1f} min, {last.heap / MIB:.1f} MiB, {last.nodes:.0f} nodes")
    goals.check(Goal("main thread busy", "at most", 6, 10, "%"), 100 * (last.busy_s - first.busy_s) / (minutes * 60))
    goals.check(Goal("heap grown a minute", "at most", 0.1, 0.5, "MiB"), (last.heap - first.heap) / MIB / minutes)
    goals.check(Goal("nodes grown a minute", "at most", 10, 100, ""), (last.nodes - first.nodes) / minutes)


def _figures(session: CDPSession) -> dict[str, float]:
    return {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main(**vars(arguments()))
