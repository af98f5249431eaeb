"""How much is done in one transaction, so that nobody waits for it for long: SQLite has one writer at a time."""

from __future__ import annotations

SECONDS = 0.012
"""What a transaction is to take on SQLite, its commit apart."""
FIRST, LEAST = 0.1, 0.04
"""Not ever less: where the machine is busy, small steps would take no less time."""
SLOWER, FASTER = 0.5, 1.3


class Stride:
    """What share of a full piece of work takes about `seconds`, judged by the pieces before."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._share = FIRST

    def of(self, most: int) -> int:
        """So much of a piece that has `most` when it is full."""
        return max(1, round(most * self._share))

    def note(self, took: float, *, was_all: bool) -> None:
        """A piece took so many seconds. `was_all`: less was there than it might have had, so that it says little."""
        change = self._seconds / max(took, 1e-6)
        self._share *= max(SLOWER, min(1.0 if was_all else FASTER, change))
        self._share = max(LEAST, min(1.0, self._share))
