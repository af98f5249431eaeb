from __future__ import annotations

import asyncio
import contextlib

import pytest

from metrics.sources.ending import end


async def test_a_task_is_ended():
    task = asyncio.create_task(asyncio.sleep(60))
    await end(task)
    assert task.cancelled()


async def test_a_task_that_swallows_a_cancellation_is_ended_too():
    async def stubborn():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        await asyncio.sleep(60)

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await asyncio.wait_for(end(task), 2)
    assert task.cancelled()


async def test_no_task_and_one_that_failed_are_nothing_to_end():
    async def failed():
        raise ZeroDivisionError

    task = asyncio.create_task(failed())
    await asyncio.sleep(0)
    await end(task)
    await end(None)
    with pytest.raises(ZeroDivisionError):
        task.result()
