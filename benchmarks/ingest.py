"""Samples through HTTP into the database while pages watch: how many, at what cost, and how soon they are seen.

    python benchmarks/ingest.py [--formats remote_write otlp lines json] [--databases SQLite PostgreSQL]
                                [--seconds 12] [--minutes 1] [--samples 600000]

For each format one `manage.py serve`; 1,000 series on four connections, which a process of its own sends; a board of 20
of them that 50 sockets watch. Three phases: as fast as answers come, at 20,000 a second for `--minutes`, at 4,000 a
second. CPU is all that the server's process spends in that time, roll-ups, pushing and heartbeats included;
PostgreSQL's own is shown beside it. How soon: from the making of a request until a frame of the board showed its
samples. What the memory grew by is taken from the second quarter of the minutes to the last.

The shares are taken apart, in a process that does one thing after the other with `--samples` samples.

At the end come the tables of docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.harness.batches import FORMATS
from benchmarks.harness.databases import DATABASES, SQLITE, database
from benchmarks.harness.feeding import MAKE_TILES, Fed, Feed, tiles
from benchmarks.harness.goals import Goal, Goals, say_how_busy
from tests.servers.watchfloor import ROOT, Watchfloor

FULL, FAST, SLOW = 0, 20_000, 4_000
PARTS = ("parser", "decode", "store", "announce", "roll-up")
TELLING = 60
"""Seconds of memory below which its growth says nothing."""
FIGURES = (
    "samples/s at full speed",
    "CPU µs a sample at 20,000/s",
    "PostgreSQL's own",
    "samples per CPU-second (aim 20,000)",
    "p95 until seen at 20,000/s (aim 1,500 ms)",
    "at 4,000/s (aim 1,000 ms)",
    "MiB held at 20,000/s, growth a minute (aim 1)",
    "roll-ups behind at 20,000/s, at full speed",
    "503s",
)

Phases = Mapping[int, Fed]
"""What came of each phase, by its rate."""
Shares = Mapping[str, dict[str, Any]]
"""A Cost for each part, by format; see benchmarks.harness.pipeline."""


def main(formats: list[str], databases: list[str], seconds: float, minutes: float, samples: int) -> None:
    say_how_busy()
    fed: dict[str, dict[str, Phases]] = {}
    shares: dict[str, Shares] = {}
    for name in databases:
        fed[name] = {format: feed(name, format, seconds, minutes * 60) for format in formats}
        shares[name] = {format: measure_shares(name, format, samples) for format in formats}
    show_table(FIGURES, {name: {one: figures(phases) for one, phases in fed[name].items()} for name in databases})
    show_table((*PARTS, "sum", "through HTTP"), {name: cells_of_shares(shares[name], fed[name]) for name in databases})
    goals = Goals()
    for name in databases:
        judge(name, fed[name], shares[name], goals)
    goals.finish()


def feed(name: str, format: str, seconds: float, lasting: float) -> Phases:
    """What came of each phase, on a server of its own."""
    phases: dict[int, Fed] = {}
    with (
        tempfile.TemporaryDirectory(prefix="watchfloor-ingest-") as folder,
        database(name, Path(folder)) as url,
        Feed(Path(folder), "" if name == SQLITE else url).open() as server,
    ):
        for rate in (FULL, FAST, SLOW):
            phases[rate] = server.run(format, rate, max(lasting, seconds) if rate == FAST else seconds)
            show(name, format, rate, phases[rate])
    return phases


def show(name: str, format: str, rate: int, fed: Fed) -> None:
    """A line for each phase, as it ends."""
    asked = f"{rate:,}/s" if rate else "full speed"
    costs = f"{fed.rate:9,.0f}/s, {fed.cpu_us:5.1f} µs of CPU and {fed.database_us:5.1f} of the database's"
    seen = f"seen after {fed.age_ms(0.5):.0f} ms, p95 {fed.age_ms(0.95):.0f}; answered p95 {fed.answer_ms(0.95):.0f}"
    kept = f"{held(fed)}; roll-ups {fed.behind_s:.0f} s behind; {fed.overloads} x 503"
    print(f"{name:<10} {format:<12} {asked:<10} {costs}; {seen}; {kept}", flush=True)


def held(fed: Fed) -> str:
    return f"{fed.memory_kib[0] / 1024:.0f} to {fed.memory_kib[-1] / 1024:.0f} MiB"


def figures(phases: Phases) -> list[str]:
    full, fast, slow = phases[FULL], phases[FAST], phases[SLOW]
    growth = f", {fast.growth_mib:+.1f}" if len(fast.memory_kib) >= TELLING else ""
    return [
        f"{full.rate:,.0f}",
        f"{fast.cpu_us:.1f}",
        f"{fast.database_us:.1f}" if fast.database_us else "",
        f"{fast.per_cpu_second:,.0f}",
        f"{fast.age_ms(0.95):,.0f} ms",
        f"{slow.age_ms(0.95):,.0f} ms",
        held(fast) + growth,
        f"{fast.behind_s:.0f} s, {full.behind_s:.0f} s",
        str(sum(phase.overloads for phase in phases.values())),
    ]


def cells_of_shares(shares: Shares, fed: Mapping[str, Phases]) -> dict[str, list[str]]:
    """CPU µs per sample; in brackets by the clock, the wait for the database included. The parser is part of decode."""
    rows = {}
    for format, costs in shares.items():
        each = 1e6 / costs["samples"]
        cells = [f"{costs[part]['cpu_s'] * each:.1f} ({costs[part]['wall_s'] * each:.1f})" for part in PARTS]
        total = sum(costs[part]["cpu_s"] for part in PARTS[1:]) * each
        rows[format] = [*cells, f"{total:.1f}", f"{fed[format][FAST].cpu_us:.1f}"]
    return rows


def show_table(columns: Sequence[str], rows: Mapping[str, Mapping[str, Sequence[str]]]) -> None:
    """A table of Markdown, with a line for each database and format."""
    print(f"\n| | {' | '.join(columns)} |\n{'|---' * (len(columns) + 1)}|")
    for name, formats in rows.items():
        for format, cells in formats.items():
            print(f"| {format}, {name} | {' | '.join(cells)} |")
    print(flush=True)


def measure_shares(name: str, format: str, samples: int) -> dict[str, Any]:
    """See benchmarks.harness.pipeline."""
    with tempfile.TemporaryDirectory(prefix="watchfloor-ingest-") as folder, database(name, Path(folder)) as url:
        server = Watchfloor(Path(folder), {"DATABASE_URL": url})
        server.manage("migrate", "-v0")
        server.shell(MAKE_TILES.format(tiles=tiles()))
        command = [sys.executable, "-m", "benchmarks.harness.pipeline", format, str(samples)]
        done = subprocess.run(command, cwd=ROOT, env=server.environment, check=True, stdout=subprocess.PIPE)
        return json.loads(done.stdout)


def judge(name: str, fed: Mapping[str, Phases], shares: Shares, goals: Goals) -> None:
    for format, phases in fed.items():
        full, fast, slow, what = phases[FULL], phases[FAST], phases[SLOW], f"{format}, {name}"
        goals.check(Goal(f"samples a second at full speed, {what}", "at least", 20_000, 10_000), full.rate)
        goals.check(Goal(f"samples per CPU-second, {what}", "at least", 20_000, 10_000), fast.per_cpu_second)
        goals.check(Goal(f"p95 until seen at 20,000/s, {what}", "at most", 1_500, 3_000, "ms"), fast.age_ms(0.95))
        goals.check(Goal(f"p95 until seen at 4,000/s, {what}", "at most", 1_000, 2_000, "ms"), slow.age_ms(0.95))
        goals.check(Goal(f"roll-ups behind at 20,000/s, {what}", "at most", 5, 10, "s"), fast.behind_s)
        if len(fast.memory_kib) >= TELLING:
            goals.check(Goal(f"growth of memory a minute, {what}", "at most", 1, 10, "MiB"), fast.growth_mib)
    if name == SQLITE:
        longest = max(costs["roll-up"]["longest_s"] for costs in shares.values()) * 1000
        goals.check(Goal(f"longest transaction of roll-ups, {name}", "at most", 50, 100, "ms"), longest)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--formats", nargs="+", choices=list(FORMATS), default=list(FORMATS))
    parser.add_argument("--databases", nargs="+", choices=DATABASES, default=list(DATABASES))
    parser.add_argument("--seconds", type=float, default=12, help="of the other phases")
    parser.add_argument("--minutes", type=float, default=1, help="at 20,000 a second")
    parser.add_argument("--samples", type=int, default=600_000, help="for the shares")
    return parser.parse_args()


if __name__ == "__main__":
    main(**vars(arguments()))
