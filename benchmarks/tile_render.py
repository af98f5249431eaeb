"""What it costs to print one tile, in each language: a calm one, and one beyond a limit.

    python benchmarks/tile_render.py [--rounds 200]

Each tile is printed once and has values of its own, as after a sample, so nothing of it is remembered but its name and
unit. The board is read and compared before that, and the frame encoded after: neither is measured here.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"

import django

django.setup()

from benchmarks.harness.goals import Goal, Goals, say_how_busy
from live.push.rendering import print_part, seen_as
from live.push.topics import Part, View
from metrics.boards.tiles import make_tile, tile_part
from metrics.kpis.evaluation import evaluate
from metrics.kpis.lines import Track
from metrics.kpis.models import KPI

ZONE = "Europe/Berlin"
LANGUAGES = ("en", "ru")
TILES = 20
POINTS = 60
CALM = KPI(slug="orders", name="Orders", metric="orders", unit="/s", polarity="up_good")
WARNING = KPI(slug="latency", name="Latency", metric="latency", unit="ms", polarity="down_good", warn=300)
AIM_US, GATE_US = 60, 120


def main(rounds: int) -> None:
    say_how_busy()
    goals = Goals()
    print(f"\nOne tile with a line of {POINTS} points                  best µs   median µs")
    for name, kpi in (("OK", CALM), ("Warning, with a limit", WARNING)):
        for language in LANGUAGES:
            costs = measure(kpi, View(language, ZONE), rounds)
            print(f"  {f'{name}, {language}':<46} {min(costs):8.1f} {statistics.median(costs):11.1f}", flush=True)
            goals.check(Goal(f"best, {name}, {language}", "at most", AIM_US, GATE_US, " µs"), min(costs))
    goals.finish()


def measure(kpi: KPI, view: View, rounds: int) -> list[float]:
    """Microseconds per tile, of each round."""
    new = parts(kpi)
    with seen_as(view):
        print_part(next(new))
        return [cost([next(new) for _ in range(TILES)]) for _ in range(rounds)]


def cost(board: Sequence[Part]) -> float:
    began = time.perf_counter_ns()
    for part in board:
        print_part(part)
    return (time.perf_counter_ns() - began) / len(board) / 1000


def parts(kpi: KPI) -> Iterator[Part]:
    """The KPI's tile after one sample and the next; its values are around 400 and never the same."""
    values = (400 + n * n % 97 + n / 1009 for n in count())
    start = 1_795_154_400_000
    points = [(start + n * 1000, next(values)) for n in range(2 * POINTS)]
    for value in values:
        at = points[-1][0] + 1000
        points = [*points[1:], (at, value)]
        yield tile_part(make_tile(kpi, evaluate(kpi, [Track(points, 1000)], at)))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    return parser.parse_args()


if __name__ == "__main__":
    main(**vars(arguments()))
