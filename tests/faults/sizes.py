"""How far the fault tests go: `FAULTS=full` in the environment asks for the long form."""

from __future__ import annotations

import os
from typing import TypeVar

T = TypeVar("T")

FULL = os.environ.get("FAULTS") == "full"


def sized(short: T, full: T) -> T:
    """What fits the form in which the tests run."""
    return full if FULL else short
