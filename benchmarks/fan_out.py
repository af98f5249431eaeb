"""What it costs to push one text to many sockets, beside other ways to do it.

    python benchmarks/fan_out.py [--sockets 200 1000] [--rounds 5] [--frames 20000]

Figures are CPU time of the server's process per frame received; the ratios within one run count.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.harness.goals import Goal, Goals, say_how_busy
from benchmarks.harness.load import Load
from benchmarks.harness.rounds import Round, at_rest, broadcast, broadcasts, interleaved, median, spread
from benchmarks.harness.servers import NCHAN, Server, bare, nchan, tutorial, wall
from tests.servers.redis import redis_server

OURS, OURS_ON_DAPHNE, TUTORIAL, BARE, NGINX = "Watchfloor", "Watchfloor on daphne", "tutorial", "bare", "nchan"
TILES = 20
WARM_UP = 3
REST_S = 4.0
"""A multiple of the 2 s of the heartbeat and of the 4 s of the review of rights."""


@dataclass(frozen=True, slots=True)
class Text:
    """What is pushed: `wall` is the order for Watchfloor, `size` the same frame in bytes for the others."""

    name: str
    wall: str
    size: int


Results = dict[tuple[str, str], list[Round]]


def main(sockets: list[int], rounds: int, frames: int) -> None:
    say_how_busy()
    goals = Goals()
    for count in sockets:
        results = measure(count, rounds, broadcasts(count, frames))
        show(count, results)
        if count == max(sockets):
            judge(results, goals)
    goals.finish()


def measure(sockets: int, rounds: int, times: int) -> Results:
    """All contenders, all texts; every contender keeps its sockets open for the whole run."""
    with ExitStack() as stack:
        servers = start(stack)
        loads = {name: stack.enter_context(Load(one.port, one.path, sockets)) for name, one in servers.items()}
        time.sleep(REST_S)
        rests = {name: at_rest(one, REST_S) for name, one in servers.items()}
        tiles = int(broadcast(servers[OURS], loads[OURS], "tiles", WARM_UP).bytes)
        texts = [Text("300 B", "300", 300), Text("1 KB", "1024", 1024), Text("20 tiles", "tiles", tiles)]
        works = {
            (name, text.name): partial(broadcast, server, loads[name], order_for(name, text), rest=rests[name])
            for text in texts
            for name, server in servers.items()
            if not (name == TUTORIAL and text.name == "20 tiles")
        }
        for work in works.values():
            work(WARM_UP)
        return interleaved({key: partial(work, times) for key, work in works.items()}, rounds)


def start(stack: ExitStack) -> dict[str, Server]:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="watchfloor-fan-out-")))
    redis, other = stack.enter_context(redis_server()), stack.enter_context(redis_server())
    servers = {
        OURS: wall(folder / "serve", redis),
        OURS_ON_DAPHNE: wall(folder / "daphne", other, daphne=True),
        TUTORIAL: tutorial(folder, redis),
        BARE: bare(folder),
    }
    if (nginx := nchan(folder)) is not None:
        servers[NGINX] = nginx
    else:
        print(f"nchan skipped: needs nginx and {NCHAN} (Debian: apt-get install libnginx-mod-nchan).")
    return {name: stack.enter_context(server) for name, server in servers.items()}


def order_for(name: str, text: Text) -> str:
    return text.wall if name in (OURS, OURS_ON_DAPHNE) else str(text.size)


def show(sockets: int, results: Results) -> None:
    print(f"\n{sockets} sockets; median [least-most]; gross: with what runs beside the pushing")
    columns = f"{'CPU µs per frame':<24} {'':<8} {'gross µs':<10} {'p50 ms':<20} {'p99 ms':<20} load generator µs"
    print(f"  {'text':<9} {'server':<22} {columns}")
    for (name, text), rounds in results.items():
        ours = median(results[OURS, text], "cpu_us")
        times = f"x{median(rounds, 'cpu_us') / ours:.2f}"
        cpu, p50, p99 = (spread(rounds, figure) for figure in ("cpu_us", "p50_ms", "p99_ms"))
        gross, load = median(rounds, "gross_us"), median(rounds, "load_cpu_us")
        print(f"  {text:<9} {name:<22} {cpu:<24} {times:<8} {gross:<10.1f} {p50:<20} {p99:<20} {load:.1f}")


def judge(results: Results, goals: Goals) -> None:
    cost = {key: median(rounds, "cpu_us") for key, rounds in results.items()}
    ours, theirs = cost[OURS, "1 KB"], cost[TUTORIAL, "1 KB"]
    print()
    goals.check(Goal("1 KB: cheaper than the tutorial's way", "at least", 20, 14, "x"), theirs / ours)
    goals.check(Goal("1 KB: against a bare uvicorn", "at least", 1, 0.85, "x"), cost[BARE, "1 KB"] / ours)
    if (NGINX, "1 KB") in cost:
        goals.check(Goal("1 KB: against nginx with nchan", "at least", 0.8, 0.65, "x"), cost[NGINX, "1 KB"] / ours)
    per_fragment = cost[OURS, "20 tiles"] / TILES
    goals.check(Goal("a tile of 20 against the tutorial's 1 KB", "at least", 150, 100, "x"), theirs / per_fragment)
    on_daphne = cost[OURS_ON_DAPHNE, "1 KB"]
    goals.check(Goal("1 KB on daphne: cheaper than the tutorial's way", "at least", 7, 5, "x"), theirs / on_daphne)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sockets", type=int, nargs="+", default=[200, 1000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int, default=20_000, help="frames per round and contender")
    return parser.parse_args()


if __name__ == "__main__":
    main(**vars(arguments()))
