"""Work that a hub repeats for as long as it lives, whatever fails on the way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)

RETRY_S = 0.5

Work = Callable[[], Awaitable[None]]


async def for_ever(work: Work) -> None:
    """Run work that never ends by itself; start it again when it fails."""
    while True:
        try:
            await work()
        except Exception:
            logger.exception("%s failed; starting it again.", work.__qualname__)
        await asyncio.sleep(RETRY_S)


async def every(seconds: float, work: Work) -> None:
    """Run `work` at whole multiples of `seconds`. A round that takes long makes the next one late, never two.

    A failure is logged with its traceback once, and with a line while it lasts.
    """
    failing = False
    while True:
        await asyncio.sleep(seconds - asyncio.get_running_loop().time() % seconds)
        try:
            await work()
            failing = False
        except Exception as error:
            logger.warning("%s: %r", work.__qualname__, error, exc_info=not failing)
            failing = True
