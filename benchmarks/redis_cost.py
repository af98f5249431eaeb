"""What a publish costs Redis, as sockets and processes are added.

    python benchmarks/redis_cost.py [--rounds 5] [--publishes 40]

CPU time of the Redis process per publish, less what it spends at rest: with one process and few or many sockets, with
two processes, and, beside it, the tutorial's way.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.harness.goals import Goal, Goals, say_how_busy
from benchmarks.harness.load import Load, LoadFailed
from benchmarks.harness.processes import cpu_ns, listener
from benchmarks.harness.rounds import interleaved
from benchmarks.harness.servers import Server, tutorial, wall
from tests.servers.redis import redis_server

FEW, MANY = 100, 1000
ONE_FEW, ONE_MANY = f"1 process, {FEW} sockets", f"1 process, {MANY} sockets"
TWO_FEW = f"2 processes, {FEW} sockets each"
TUTORIAL_FEW, TUTORIAL_MANY = f"tutorial, {FEW} sockets", f"tutorial, {MANY} sockets"
APART_S = 0.02
REST_S = 2.0


def main(rounds: int, publishes: int) -> None:
    say_how_busy()
    goals = Goals()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="watchfloor-redis-cost-")))
        plants = {
            ONE_FEW: Plant(stack, folder / "a", [FEW]),
            ONE_MANY: Plant(stack, folder / "b", [MANY]),
            TWO_FEW: Plant(stack, folder / "c", [FEW, FEW]),
            TUTORIAL_FEW: Plant(stack, folder, [FEW], as_tutorial=True),
            TUTORIAL_MANY: Plant(stack, folder, [MANY], as_tutorial=True),
        }
        results = interleaved({name: partial(plant.cost_us, publishes) for name, plant in plants.items()}, rounds)
    print("\nCPU µs of Redis per publish; median [least-most]")
    for name, costs in results.items():
        print(f"  {name:<32} {statistics.median(costs):.0f} [{min(costs):.0f}-{max(costs):.0f}]")
    middle = {name: statistics.median(costs) for name, costs in results.items()}
    print(f"  a further process adds {middle[TWO_FEW] - middle[ONE_FEW]:.0f} µs\n")
    flat = Goal("Redis per publish, 1,000 sockets against 100", "at most", 1.2, 2, "x")
    goals.check(flat, middle[ONE_MANY] / middle[ONE_FEW])
    goals.finish()


class Plant:
    """A Redis, a server for each number of sockets, and the sockets. The first server publishes."""

    def __init__(self, stack: ExitStack, folder: Path, sockets: list[int], *, as_tutorial: bool = False) -> None:
        url = stack.enter_context(redis_server())
        self._redis = listener(url)
        make = tutorial if as_tutorial else wall
        folders = [folder if as_tutorial else folder / str(number) for number in range(len(sockets))]
        self._servers: list[Server] = [stack.enter_context(make(one, url)) for one in folders]
        self._loads = [
            stack.enter_context(Load(server.port, server.path, count))
            for server, count in zip(self._servers, sockets, strict=True)
        ]
        time.sleep(REST_S)

    def cost_us(self, publishes: int) -> float:
        """Everybody who can hear a publish waits for it; a second process renders its own."""
        before, began = cpu_ns(self._redis), time.monotonic()
        time.sleep(REST_S)
        rest = (cpu_ns(self._redis) - before) / (time.monotonic() - began)
        load, server = self._loads[0], self._servers[0]
        load.report()
        before, began = cpu_ns(self._redis), time.monotonic()
        for number in range(1, publishes + 1):
            server.publish("300")
            if load.await_marked(number * load.sockets) < number * load.sockets:
                raise LoadFailed(f"{server.name}: a frame is missing")
            time.sleep(APART_S)
        spent = cpu_ns(self._redis) - before - rest * (time.monotonic() - began)
        return spent / publishes / 1000


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--publishes", type=int, default=40)
    return parser.parse_args()


if __name__ == "__main__":
    main(**vars(arguments()))
