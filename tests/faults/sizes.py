"""How far the fault tests go: `FAULTS` in the environment is `short` (as by default), `full` or `soak`."""

from __future__ import annotations

import os
from typing import TypeVar

T = TypeVar("T")

FORM = os.environ.get("FAULTS", "short")
FULL = FORM in ("full", "soak")


def sized(short: T, full: T, soak: T | None = None) -> T:
    """What fits the form in which the tests run; those that have no load of hours soak in their full form."""
    if FORM == "soak" and soak is not None:
        return soak
    return full if FULL else short
