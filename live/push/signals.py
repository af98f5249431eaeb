"""Saying that something changed. Only names cross processes; each process reads and renders for itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from channels.layers import get_channel_layer
from django.conf import settings

from live.push.topics import parse

logger = logging.getLogger(__name__)

Deliver = Callable[[tuple[str, ...]], None]
ONCE_LIMIT_S = 1.0

_deliver: Deliver | None = None


def deliver_to(deliver: Deliver | None) -> None:
    """The hub of this process, or None when it stops. `deliver` is called in any thread and must not block."""
    global _deliver
    _deliver = deliver


def publish(*topics: str) -> None:
    """Tell every hub that these topics changed.

    Call it after the commit (`transaction.on_commit(..., robust=True)`). Never raises and never delays a request;
    when the signal is lost, healing shows the change within 3 s. A process without a hub (a command, a shell) sends
    once over a short connection of its own when there is a Redis, and otherwise leaves it to healing.
    """
    try:
        if _deliver is not None:
            _deliver(topics)
        elif settings.REDIS_URL:
            asyncio.run(_send_once(topics))
    except Exception as error:
        logger.debug("not signalled: %r", error)


async def _send_once(topics: tuple[str, ...]) -> None:
    layer = get_channel_layer()
    async with asyncio.timeout(ONCE_LIMIT_S):
        for topic in topics:
            await layer.group_send(parse(topic).group, {"type": "hub.signal", "origin": "", "topic": topic})
        await layer.flush()
