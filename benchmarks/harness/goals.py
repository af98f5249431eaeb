"""Aims and gates: a benchmark fails below a gate, and says how far a figure is from its aim."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from typing import Literal

BUSY = 0.5
"""Load per core before the run, above which figures are marked as taken on a busy machine."""

Sense = Literal["at least", "at most"]


@dataclass(frozen=True, slots=True)
class Goal:
    name: str
    sense: Sense
    aim: float
    gate: float
    unit: str = ""

    def is_met(self, value: float, bound: float) -> bool:
        return value >= bound if self.sense == "at least" else value <= bound

    def verdict(self, value: float) -> str:
        if self.is_met(value, self.aim):
            return "aim reached"
        return "gate held" if self.is_met(value, self.gate) else "BELOW THE GATE"


class Goals:
    """Collects what was measured and ends the benchmark with a status."""

    def __init__(self) -> None:
        self._failed: list[str] = []

    def check(self, goal: Goal, value: float) -> None:
        verdict = goal.verdict(value)
        if verdict.isupper():
            self._failed.append(goal.name)
        bounds = f"{goal.sense} {goal.aim:g}{goal.unit} (gate {goal.gate:g})"
        print(f"  {goal.name:<64} {value:8.2f}{goal.unit:<3} {bounds:<28} {verdict}", flush=True)

    def finish(self) -> None:
        if self._failed:
            raise SystemExit("Below the gate: " + "; ".join(self._failed))


def say_how_busy() -> None:
    """One line on the machine; figures of a busy one are marked."""
    # So that a benchmark that is ended ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    mark = ", BUSY: other programs share the machine" if load > BUSY else ""
    print(f"{os.cpu_count()} cores, load {load:.2f} per core before the run{mark}", flush=True)
