"""Ending a task for good."""

from __future__ import annotations

import asyncio


async def end(task: asyncio.Task[None] | None) -> None:
    """Cancel the task until it has ended, whatever it ended with.

    Once is not enough: `asyncio.wait_for` of Python 3.11 swallows a cancellation that comes together with the result.
    """
    while task is not None and not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.1)
