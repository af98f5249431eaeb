"""How the cost of a delivery, the memory of a socket and the latency grow with the number of sockets.

    python benchmarks/growth.py [--sockets 200 1000 5000 10000] [--rounds 5] [--frames 10000]

Every socket is a person of its own who signed in. CPU is all that the process spends in the time, heartbeats and rights
included, per frame received. Sizes that the limit of open files does not allow are left out.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.harness.goals import Goal, Goals, say_how_busy
from benchmarks.harness.load import Load
from benchmarks.harness.processes import resident_kib
from benchmarks.harness.rounds import Round, at_rest, broadcast, broadcasts, interleaved, median, spread
from benchmarks.harness.servers import Server, sign_in, wall

SIZE = "1024"
WARM_UP = 3
SETTLE_S = 3.0
REST_S = 4.0
SPARE_FILES = 200
P99 = {
    1000: Goal("p99 at 1,000 sockets", "at most", 15, 30, "ms"),
    5000: Goal("p99 at 5,000 sockets", "at most", 75, 150, "ms"),
}


def main(sockets: list[int], rounds: int, frames: int) -> None:
    say_how_busy()
    counts = [count for count in sockets if fits(count)]
    goals = Goals()
    with ExitStack() as stack:
        floors = {count: Floor(stack, count) for count in counts}
        works = {count: partial(floor.round, broadcasts(count, frames)) for count, floor in floors.items()}
        results = interleaved(works, rounds)
        show(floors, results)
    judge(floors, results, goals)
    goals.finish()


class Floor:
    """A server with its sockets, and what they cost at rest: memory each (KiB), CPU of all (ms a second)."""

    def __init__(self, stack: ExitStack, count: int) -> None:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="watchfloor-growth-")))
        self.server: Server = stack.enter_context(wall(folder / "wall", ""))
        cookies = sign_in(self.server, count)
        with Load(self.server.port, self.server.path, WARM_UP, cookies=cookies) as first:
            broadcast(self.server, first, SIZE, WARM_UP)
        before = resident_kib(self.server.pid)
        self.load = stack.enter_context(Load(self.server.port, self.server.path, count, cookies=cookies))
        time.sleep(SETTLE_S)
        self.memory_kib = (resident_kib(self.server.pid) - before) / count
        self.rest = at_rest(self.server, REST_S)
        broadcast(self.server, self.load, SIZE, WARM_UP)

    def round(self, times: int) -> Round:
        return broadcast(self.server, self.load, SIZE, times)


def fits(count: int) -> bool:
    """Both ends of every socket are open files, in two processes."""
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if count + SPARE_FILES <= allowed:
        return True
    print(f"{count} sockets left out: this machine allows {allowed} open files (ulimit -n).")
    return False


def show(floors: dict[int, Floor], results: dict[int, list[Round]]) -> None:
    print(f"\nsockets  {'CPU µs per frame':<20} {'p50 ms':<20} {'p99 ms':<20} KiB/socket  at rest ms/s  opened in s")
    for count, rounds in results.items():
        floor = floors[count]
        cells = [spread(rounds, figure) for figure in ("gross_us", "p50_ms", "p99_ms")]
        rest, seconds = floor.rest / 1e6, floor.load.seconds_to_open
        timed = " ".join(f"{cell:<20}" for cell in cells)
        print(f"{count:>7}  {timed} {floor.memory_kib:<11.1f} {rest:<13.1f} {seconds:.1f}")


def judge(floors: dict[int, Floor], results: dict[int, list[Round]], goals: Goals) -> None:
    print()
    if 200 in results and 5000 in results:
        grown = median(results[5000], "gross_us") / median(results[200], "gross_us")
        goals.check(Goal("CPU per delivery at 5,000 sockets against 200", "at most", 1.3, 2, "x"), grown)
    most = max(floors)
    goals.check(Goal(f"memory per signed-in socket, of {most}", "at most", 32, 40, "KiB"), floors[most].memory_kib)
    for count, goal in P99.items():
        if count in results:
            goals.check(goal, median(results[count], "p99_ms"))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sockets", type=int, nargs="+", default=[200, 1000, 5000, 10_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int, default=10_000, help="frames per round and number of sockets")
    return parser.parse_args()


if __name__ == "__main__":
    main(**vars(arguments()))
