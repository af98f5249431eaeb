"""The way between processes: one channel of the channel layer, one group for all hubs and one per watched topic.

Only the hub's own task awaits the layer, each call with a limit of 1 s. Nothing depends on the arrival of a message:
the layer loses some silently, and healing finds what was missed. Whether the bus works is learnt from the process's
own beat, because the layer does not report a lost connection (channels_redis 4.3).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from channels.layers import get_channel_layer

from live.push.topics import HUBS

logger = logging.getLogger(__name__)

LIMIT_S = 1.0
DOWN_AFTER_S = 3.0
WAITING = 2_000
"""Messages that wait for a slow layer; beyond it the oldest are dropped, and healing replaces them."""


class Bus:
    """`hear` is called with each message of another process, on the event loop."""

    def __init__(self, process: str, hear: Callable[[dict[str, Any]], None]) -> None:
        self.process = process
        self._hear = hear
        self._layer = get_channel_layer()
        self._channel = ""
        self._wanted = {HUBS}
        self._joined: set[str] = set()
        self._outgoing: deque[tuple[str, dict[str, Any]]] = deque(maxlen=WAITING)
        self._work = asyncio.Event()
        self._beat_heard_at = time.monotonic()
        self._was_up = True

    @property
    def beat_age_s(self) -> float:
        return time.monotonic() - self._beat_heard_at

    @property
    def is_up(self) -> bool:
        return self.beat_age_s < DOWN_AFTER_S

    def join(self, group: str) -> None:
        if group not in self._wanted:
            self._wanted.add(group)
            self._work.set()

    def leave(self, group: str) -> None:
        if group != HUBS:
            self._wanted.discard(group)
        self._work.set()

    def send(self, group: str, message: dict[str, Any]) -> None:
        self._outgoing.append((group, {**message, "origin": self.process}))
        self._work.set()

    def beat(self) -> None:
        """Every second. A beat that does not come back means that this process may be deaf: join everything again."""
        self.send(HUBS, {"type": "hub.beat"})
        if self.is_up != self._was_up:
            self._was_up = self.is_up
            logger.warning("The bus between processes is %s.", "up again" if self.is_up else "down: pages heal slower")
        if not self.is_up:
            self._joined.clear()

    async def speak(self) -> None:
        """Send what waits and keep the group memberships as wanted; for ever."""
        while True:
            await self._work.wait()
            self._work.clear()
            await self._keep_groups()
            while self._outgoing:
                group, message = self._outgoing.popleft()
                await self._limited(self._layer.group_send(group, message))

    async def listen(self) -> None:
        """Hand over what arrives, until nothing does any more, not even one's own beat.

        Then the layer may have forgotten the channel: start again, with a new one.
        """
        self._channel = await self._layer.new_channel()
        self._joined.clear()
        self._work.set()
        while (message := await self._next()) is not None:
            if message.get("origin") == self.process:
                self._note_own(message)
            else:
                self._hear(message)

    async def close(self) -> None:
        """Send the last messages and let the layer go."""
        while self._outgoing:
            group, message = self._outgoing.popleft()
            if not await self._limited(self._layer.group_send(group, message)):
                break
        if hasattr(self._layer, "flush"):
            await self._limited(self._layer.flush())

    async def _next(self) -> dict[str, Any] | None:
        with suppress(TimeoutError):
            async with asyncio.timeout(DOWN_AFTER_S):
                return await self._layer.receive(self._channel)
        return None

    def _note_own(self, message: dict[str, Any]) -> None:
        if message["type"] == "hub.beat":
            self._beat_heard_at = time.monotonic()

    async def _keep_groups(self) -> None:
        if not self._channel:
            return
        for group in self._wanted - self._joined:
            if await self._limited(self._layer.group_add(group, self._channel)):
                self._joined.add(group)
        for group in self._joined - self._wanted:
            await self._limited(self._layer.group_discard(group, self._channel))
            self._joined.discard(group)

    async def _limited(self, call: Awaitable[None]) -> bool:
        """Whether the layer took it. A layer that is away raises all kinds of errors; the beat tells what they mean."""
        try:
            async with asyncio.timeout(LIMIT_S):
                await call
        except Exception as error:
            logger.debug("channel layer: %r", error)
            return False
        return True
