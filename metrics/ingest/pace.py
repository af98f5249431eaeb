"""How many samples a second are taken, from one source and from all together."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.conf import settings

from metrics.ingest.calls import Sender

REMEMBERED = 10_000
"""Sources whose pace is remembered."""


class Allowance:
    """`rate` samples a second. What is spent beyond is a debt: the next has to wait until it is paid.

    So a batch of any size gets through once nothing is owed, and its sender is slowed down afterwards.
    """

    def __init__(self, rate: float, clock: Callable[[], float]) -> None:
        self.rate = self._left = float(rate)
        self._clock = clock
        self._at = clock()

    @property
    def is_spent(self) -> bool:
        now = self._clock()
        self._left = min(self.rate, self._left + (now - self._at) * self.rate)
        self._at = now
        return self._left < 1

    def spend(self, samples: int) -> None:
        self._left -= samples


class Pace:
    """What senders have left of their rate, and all of them of LIMIT_INGEST_SAMPLES. A rate of 0 knows no limit."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._all: Allowance | None = None
        self._senders: dict[int, Allowance] = {}

    def refusal(self, sender: Sender) -> str:
        """Why nothing is taken of the sender just now, or ""."""
        if any(one.is_spent for one in self._of_all()):
            return f"the server takes {settings.LIMITS['ingest_samples']} samples a second"
        if any(one.is_spent for one in self._of(sender)):
            return f"{sender.name} may send {sender.rate_limit} samples a second"
        return ""

    def spend(self, sender: Sender, samples: int) -> None:
        for one in (*self._of_all(), *self._of(sender)):
            one.spend(samples)

    def _of_all(self) -> list[Allowance]:
        self._all = self._renewed(self._all, settings.LIMITS["ingest_samples"])
        return [self._all] if self._all else []

    def _of(self, sender: Sender) -> list[Allowance]:
        allowance = self._renewed(self._senders.pop(sender.id, None), sender.rate_limit)
        if allowance is None:
            return []
        if len(self._senders) >= REMEMBERED:
            self._senders.clear()
        self._senders[sender.id] = allowance
        return [allowance]

    def _renewed(self, allowance: Allowance | None, rate: int) -> Allowance | None:
        """The allowance as it stands; a new one where the rate is another."""
        if not rate:
            return None
        return allowance if allowance and allowance.rate == rate else Allowance(rate, self._clock)
