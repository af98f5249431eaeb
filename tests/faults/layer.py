"""A channel layer with weather: it loses, doubles, delays and reorders messages, and goes away for a while."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import defaultdict
from dataclasses import dataclass
from typing import Any


@dataclass
class Weather:
    """`loss` and `doubles` are shares of the messages; each takes up to `delay_s`, so that they overtake each other."""

    chance: random.Random
    loss: float = 0.0
    doubles: float = 0.0
    delay_s: float = 0.0
    down: bool = False

    def clear(self) -> None:
        self.loss = self.doubles = self.delay_s = 0.0
        self.down = False

    def copies(self) -> int:
        return 0 if self.chance.random() < self.loss else 2 if self.chance.random() < self.doubles else 1

    def delay(self) -> float:
        return self.chance.random() * self.delay_s


class StormyLayer:
    """As much of a channel layer as the bus uses. All hubs that share it live on one event loop."""

    def __init__(self, weather: Weather) -> None:
        self.weather = weather
        self._numbers = itertools.count()
        self._queues: dict[str, asyncio.Queue[dict[str, Any]]] = {}
        self._groups: defaultdict[str, set[str]] = defaultdict(set)

    def restart(self) -> None:
        """Back, with nobody subscribed: as a Redis that forgot its clients."""
        self._groups.clear()
        self.weather.down = False

    async def new_channel(self) -> str:
        name = f"channel{next(self._numbers)}"
        self._queues[name] = asyncio.Queue()
        return name

    async def receive(self, channel: str) -> dict[str, Any]:
        return await self._queues[channel].get()

    async def group_add(self, group: str, channel: str) -> None:
        self._check()
        self._groups[group].add(channel)

    async def group_discard(self, group: str, channel: str) -> None:
        self._check()
        self._groups[group].discard(channel)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        self._check()
        for channel in self._groups[group]:
            for _ in range(self.weather.copies()):
                later = asyncio.get_running_loop().call_later
                later(self.weather.delay(), self._queues[channel].put_nowait, dict(message))

    def _check(self) -> None:
        if self.weather.down:
            raise ConnectionError("The layer is away.")
