"""A thousand people connect at once, each with a session of their own.

    python benchmarks/connect_storm.py [--sockets 1000] [--rounds 5]

A handshake counts when its socket has received the first frame: with Watchfloor the page's snapshot, with Channels'
AuthMiddlewareStack, on the same server, a greeting. Figures are CPU time of the server's process.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.harness.goals import Goal, Goals, say_how_busy
from benchmarks.harness.load import Load, LoadFailed
from benchmarks.harness.processes import cpu_ns
from benchmarks.harness.rounds import interleaved
from benchmarks.harness.servers import Server, auth_stack, sign_in, wall

OURS, THEIRS, OPEN = "Watchfloor", "AuthMiddlewareStack", "Channels without a session"
LOOK_EVERY_S = 0.02
PATIENCE_S = 60.0
SETTLE_S = 3.0
WARM_UP = 20


@dataclass(frozen=True, slots=True)
class Storm:
    """`cpu_us` per handshake, `seconds` until the last socket had its first frame."""

    cpu_us: float
    seconds: float


def main(sockets: int, rounds: int) -> None:
    say_how_busy()
    goals = Goals()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="watchfloor-storm-")))
        ours = stack.enter_context(wall(folder / "wall", ""))
        theirs = stack.enter_context(auth_stack(ours, folder))
        cookies = sign_in(ours, sockets)
        places = {OURS: (ours, ours.path), THEIRS: (theirs, theirs.path), OPEN: (theirs, "/ws/open/")}
        for place in places.values():
            storm(*place, cookies[:WARM_UP])
        results = interleaved({name: partial(storm, *place, cookies) for name, place in places.items()}, rounds)
    show(results, sockets)
    ratio = cost(results[THEIRS]) / cost(results[OURS])
    goals.check(Goal("handshakes per CPU-second against AuthMiddlewareStack", "at least", 3, 1.5, "x"), ratio)
    goals.finish()


def storm(server: Server, path: str, cookies: list[str]) -> Storm:
    """One socket for each cookie, all at once; when all have left, the server gets time to forget them."""
    before, began = cpu_ns(server.pid), time.monotonic()
    with Load(server.port, path, len(cookies), cookies=cookies, in_flight=len(cookies)) as load:
        while (greeted := load.report().greeted) < len(cookies):
            if time.monotonic() - began > PATIENCE_S:
                raise LoadFailed(f"{server.name}: {greeted} of {len(cookies)} sockets received a frame")
            time.sleep(LOOK_EVERY_S)
        seconds, spent = time.monotonic() - began, cpu_ns(server.pid) - before
    time.sleep(SETTLE_S)
    return Storm(spent / len(cookies) / 1000, seconds)


def cost(storms: Sequence[Storm]) -> float:
    return statistics.median(one.cpu_us for one in storms)


def show(results: dict[str, list[Storm]], sockets: int) -> None:
    print(f"\n{f'{sockets} handshakes at once':<40} CPU µs each [least-most]    per CPU-second   seconds")
    for name, storms in results.items():
        costs = [one.cpu_us for one in storms]
        seconds = statistics.median(one.seconds for one in storms)
        spread = f"{cost(storms):.0f} [{min(costs):.0f}-{max(costs):.0f}]"
        print(f"  {name:<38} {spread:<27} {1e6 / cost(storms):<16.0f} {seconds:.2f}")
    print(flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    main(**vars(arguments()))
