"""Reading and forgetting with ten million samples stored.

    python benchmarks/storage.py [--samples 10000000] [--runs 500] [--databases SQLite PostgreSQL]

200 series at 10 s, with their minutes and hours. Reading is what a board does: the newest 60 samples of 50 series in
one query, of other series each time. Forgetting is one round of retention in its small steps, while a process beside it
writes a row every 5 ms and notes how long it waits for its turn.

Beside each time stands what is left of it without the waits for a processor, that is, what it would be on a machine
with nothing else to do. The gate of reading looks at that. A step of retention may end with a checkpoint of SQLite's
log, which holds nobody up; how long the lock is held shows in what the process beside it waits.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.harness.databases import DATABASES, SQLITE, database
from benchmarks.harness.goals import Goal, Goals, say_how_busy
from tests.servers.watchfloor import ROOT, Watchfloor

READ = {
    SQLITE: Goal("p95 of 60 points of 50 tiles, SQLite", "at most", 5, 5, "ms"),
    "PostgreSQL": Goal("p95 of 60 points of 50 tiles, PostgreSQL", "at most", 10, 10, "ms"),
}
WAIT = Goal("longest wait of a writer beside retention, SQLite", "at most", 50, 100, "ms")
DROP = Goal("days that retention dropped, PostgreSQL", "at least", 1, 1)


def main(samples: int, runs: int, databases: list[str]) -> None:
    say_how_busy()
    goals = Goals()
    for name in databases:
        kept = measure(name, samples, runs)
        show(name, kept)
        goals.check(READ[name], percentile(kept["free_reads_ms"], 0.95))
        goals.check(*((WAIT, kept["waits_ms"][-1]) if name == SQLITE else (DROP, kept["days"])))
    goals.finish()


def measure(name: str, samples: int, runs: int) -> dict[str, Any]:
    """See benchmarks.harness.stored.Kept."""
    with tempfile.TemporaryDirectory(prefix="watchfloor-storage-") as folder, database(name, Path(folder)) as url:
        server = Watchfloor(Path(folder), {"DATABASE_URL": url})
        server.manage("migrate", "-v0")
        command = [sys.executable, "-m", "benchmarks.harness.stored", str(samples), str(runs)]
        done = subprocess.run(command, cwd=ROOT, env=server.environment, check=True, stdout=subprocess.PIPE)
        return json.loads(done.stdout)


def show(name: str, kept: dict[str, Any]) -> None:
    print(f"\n{name}: {kept['samples']:,} samples loaded in {kept['load_s']:.1f} s")
    end = "to its end" if kept["is_done"] else "and not done"
    print(f"  retention: {kept['gone']:,} rows and {kept['days']} days in {kept['forget_s']:.1f} s, {end}")
    print(f"  {'ms':<36} {'p50':>7} {'p95':>7} {'p99':>7} {'most':>7}   of")
    show_times("60 points of 50 tiles", kept["reads_ms"], kept["free_reads_ms"])
    show_times("steps of retention", kept["steps_ms"], kept["free_steps_ms"])
    show_times("a writer beside it waited", kept["waits_ms"])


def show_times(what: str, taken: list[float], free: Sequence[float] = ()) -> None:
    for name, times in ((what, taken), ("  without waits for a processor", free)):
        if times:
            cells = " ".join(f"{percentile(times, share):7.2f}" for share in (0.5, 0.95, 0.99, 1))
            print(f"  {name:<36} {cells}   {len(times):,}", flush=True)


def percentile(sorted_ms: Sequence[float], share: float) -> float:
    return sorted_ms[math.ceil(len(sorted_ms) * share) - 1]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=list(DATABASES))
    return parser.parse_args()


if __name__ == "__main__":
    main(**vars(arguments()))
