"""Samples through HTTP into the database while pages watch: how many, at what cost, and how soon they are seen.

    python benchmarks/ingest.py [--formats remote_write otlp lines json] [--databases SQLite PostgreSQL]
                                [--seconds 12] [--minutes 1] [--samples 600000]

One `manage.py serve`; 1,000 series on four connections, which a process of its own sends; a board of 20 of them that
50 sockets watch. Three phases: as fast as answers come, at 20,000 a second, at 4,000 a second. Then remote_write at
20,000 a second for `--minutes`, to see whether memory grows. CPU is all that the server's process spends in that time,
roll-ups, pushing and heartbeats included; PostgreSQL's own is shown beside it. How soon: from the making of a request
until a frame of the board showed its samples.

The shares are taken apart, in a process that does one thing after the other with `--samples` samples.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.harness.batches import FORMATS
from benchmarks.harness.databases import DATABASES, SQLITE, database
from benchmarks.harness.feeding import MAKE_TILES, Fed, Feed, tiles
from benchmarks.harness.goals import Goal, Goals, say_how_busy
from tests.servers.watchfloor import ROOT, Watchfloor

FULL, FAST, SLOW = 0, 20_000, 4_000
PHASES = {FULL: "full speed", FAST: "20,000/s", SLOW: "4,000/s"}
LASTING = "remote_write"
PARTS = ("parser", "decode", "store", "announce", "roll-up")


def main(formats: list[str], databases: list[str], seconds: float, minutes: float, samples: int) -> None:
    say_how_busy()
    goals = Goals()
    for name in databases:
        print(f"\n{name:<12} {'':<11} samples/s  CPU µs each  its own  p50 ms  p95 ms  answer p95  503s", flush=True)
        fed = {format: feed(name, format, seconds, minutes) for format in formats}
        shares = {format: measure_shares(name, format, samples) for format in formats}
        show_shares(shares, fed)
        judge(name, fed, goals)
    goals.finish()


def feed(name: str, format: str, seconds: float, minutes: float) -> dict[str, Fed]:
    """What came of each phase, on a server of its own."""
    phases: dict[str, Fed] = {}
    with (
        tempfile.TemporaryDirectory(prefix="watchfloor-ingest-") as folder,
        database(name, Path(folder)) as url,
        Feed(Path(folder), "" if name == SQLITE else url).open() as server,
    ):
        for rate, phase in PHASES.items():
            phases[phase] = server.run(format, rate, seconds)
            show(format, phase, phases[phase])
        if format == LASTING and minutes:
            phases["lasting"] = server.run(format, FAST, minutes * 60)
            show(format, "lasting", phases["lasting"])
    return phases


def show(format: str, phase: str, fed: Fed) -> None:
    ages = f"{fed.age_ms(0.5):6.0f}  {fed.age_ms(0.95):6.0f}"
    costs = f"{fed.cpu_us:11.1f}  {fed.database_us:7.1f}"
    print(f"{format:<12} {phase:<11} {fed.rate:9,.0f}  {costs}  {ages}  {fed.answer_ms(0.95):10.0f}", end="  ")
    print(f"{fed.overloads:4}   held {fed.memory_kib[0] / 1024:.0f} to {fed.memory_kib[-1] / 1024:.0f} MiB", flush=True)


def measure_shares(name: str, format: str, samples: int) -> dict[str, Any]:
    """See benchmarks.harness.pipeline."""
    with tempfile.TemporaryDirectory(prefix="watchfloor-ingest-") as folder, database(name, Path(folder)) as url:
        server = Watchfloor(Path(folder), {"DATABASE_URL": url})
        server.manage("migrate", "-v0")
        server.shell(MAKE_TILES.format(tiles=tiles()))
        command = [sys.executable, "-m", "benchmarks.harness.pipeline", format, str(samples)]
        done = subprocess.run(command, cwd=ROOT, env=server.environment, check=True, stdout=subprocess.PIPE)
        return json.loads(done.stdout)


def show_shares(shares: Mapping[str, dict[str, Any]], fed: Mapping[str, dict[str, Fed]]) -> None:
    """CPU µs per sample; in brackets by the clock, the wait for the database included."""
    print(f"\n{'µs a sample':<12} {' '.join(f'{part:<14}' for part in PARTS)} through HTTP at 20,000/s")
    for format, costs in shares.items():
        each = 1e6 / costs["samples"]
        cells = [f"{costs[part]['cpu_s'] * each:.1f} ({costs[part]['wall_s'] * each:.1f})" for part in PARTS]
        print(f"{format:<12} {' '.join(f'{cell:<14}' for cell in cells)} {fed[format][PHASES[FAST]].cpu_us:.1f}")
    longest = max(costs["roll-up"]["longest_s"] for costs in shares.values())
    print(f"the longest transaction of roll-ups: {longest * 1000:.0f} ms", flush=True)


def judge(name: str, fed: Mapping[str, dict[str, Fed]], goals: Goals) -> None:
    print()
    for format, phases in fed.items():
        fast, slow, what = phases[PHASES[FAST]], phases[PHASES[SLOW]], f"{format}, {name}"
        goals.check(Goal(f"samples per CPU-second, {what}", "at least", 20_000, 10_000), fast.per_cpu_second)
        goals.check(Goal(f"p95 until seen at 20,000/s, {what}", "at most", 1_500, 3_000, "ms"), fast.age_ms(0.95))
        goals.check(Goal(f"p95 until seen at 4,000/s, {what}", "at most", 1_000, 2_000, "ms"), slow.age_ms(0.95))
    if lasting := fed.get(LASTING, {}).get("lasting"):
        goals.check(Goal(f"growth of memory a minute, {name}", "at most", 1, 10, "MiB"), lasting.growth_mib)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--formats", nargs="+", choices=list(FORMATS), default=list(FORMATS))
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=list(DATABASES))
    parser.add_argument("--seconds", type=float, default=12, help="of each phase")
    parser.add_argument("--minutes", type=float, default=1, help="of watching the memory")
    parser.add_argument("--samples", type=int, default=600_000, help="for the shares")
    return parser.parse_args()


if __name__ == "__main__":
    main(**vars(arguments()))
