"""How much one visitor may take: the limits that the settings name, and the buckets that measure rates."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

from django.conf import settings

REMEMBERED = 10_000
"""Addresses whose rate is remembered; the one that was quiet longest is forgotten first."""


class Bucket:
    """`rate` events a second, and as many at once."""

    __slots__ = ("_at", "_left", "_rate")

    def __init__(self, rate: float) -> None:
        self._rate = self._left = rate
        self._at = time.monotonic()

    def take(self) -> bool:
        """Whether one more event is within the rate. A rate of 0 knows no limit."""
        now = time.monotonic()
        self._left = min(self._rate, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return self._rate == 0
        self._left -= 1
        return True


class Buckets:
    """A bucket for each name."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, name: str) -> bool:
        bucket = self._buckets.pop(name, None) or Bucket(self._rate)
        self._buckets[name] = bucket
        if len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        return bucket.take()


@dataclass(frozen=True, slots=True)
class Visitor:
    """What a socket counts against. `person` is None for guests, `address` "" where the server knows none."""

    person: int | None
    address: str


class Room:
    """The sockets of one process, counted."""

    def __init__(self) -> None:
        self._people: Counter[int] = Counter()
        self._addresses: Counter[str] = Counter()
        self._handshakes = Buckets(settings.LIMITS["handshakes"])
        self.refused: Counter[str] = Counter()

    @property
    def sockets(self) -> int:
        return self._addresses.total()

    def is_rushed(self, address: str) -> bool:
        """Whether an address opens sockets faster than it may."""
        return self._note("handshakes", not self._handshakes.take(address))

    def is_full_for(self, visitor: Visitor) -> bool:
        """Whether one more socket is too many: for the process, for the address, or for the person."""
        return (
            self._note("sockets", _reached(self.sockets, "sockets"))
            or self._note("address", _reached(self._addresses[visitor.address], "sockets_per_address"))
            or self._note("user", visitor.person is not None and self._has_enough(visitor.person))
        )

    def enter(self, visitor: Visitor) -> None:
        self._addresses[visitor.address] += 1
        if visitor.person is not None:
            self._people[visitor.person] += 1

    def leave(self, visitor: Visitor) -> None:
        _less_one(self._addresses, visitor.address)
        if visitor.person is not None:
            _less_one(self._people, visitor.person)

    def _has_enough(self, person: int) -> bool:
        return _reached(self._people[person], "sockets_per_user")

    def _note(self, limit: str, refused: bool) -> bool:
        self.refused[limit] += refused
        return refused


def _less_one(counts: Counter, key: Hashable) -> None:
    counts[key] -= 1
    if counts[key] <= 0:
        del counts[key]


def _reached(count: int, limit: str) -> bool:
    most = settings.LIMITS[limit]
    return bool(most) and count >= most
