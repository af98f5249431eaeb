"""Healthy readers of a room: what reached them, and how late."""

from __future__ import annotations

import re
import time
from functools import lru_cache

from tests.faults.crowd import Crowd, Member
from tests.faults.wire import Address

NOTE = re.compile(rb"\[\[(\S+?)@([\d.]+)\]\]")


class Reader:
    """`delays` in seconds, from when a message was sent by its writer."""

    def __init__(self) -> None:
        self.start_anew()

    def start_anew(self) -> None:
        """Forget everything, also what was sent by now: a log that is filled anew brings it again."""
        self.names: set[bytes] = set()
        self.delays: list[float] = []
        self._since = time.monotonic()

    def hear(self, message: bytes, at: float) -> None:
        for name, sent_at in notes(message):
            if sent_at > self._since and name not in self.names:
                self.names.add(name)
                self.delays.append(at - sent_at)


class Audience:
    """So many open pages on one room."""

    def __init__(self, crowd: Crowd, address: Address, count: int) -> None:
        self.readers = [Reader() for _ in range(count)]
        self.members: list[Member] = []
        for reader in self.readers:
            self.members += crowd.invite([address], hear=reader.hear)
        crowd.gather(self.members)
        self.start_anew()

    def start_anew(self) -> None:
        for reader in self.readers:
            reader.start_anew()

    def have_all(self, names: set[str]) -> bool:
        wanted = {name.encode() for name in names}
        return all(reader.names >= wanted for reader in self.readers)

    def delays(self) -> list[float]:
        return [delay for reader in self.readers for delay in reader.delays]


@lru_cache(maxsize=512)
def notes(message: bytes) -> tuple[tuple[bytes, float], ...]:
    """(name, time sent) of each of our messages in a frame."""
    return tuple((name, float(at)) for name, at in NOTE.findall(message))
