"""The one way from async code to the database: a small pool of threads, each call with a time limit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from django.db import close_old_connections

P = ParamSpec("P")
R = TypeVar("R")

THREADS = 8
TIMEOUT_S = 5.0

_pool = ThreadPoolExecutor(THREADS, thread_name_prefix="database")


async def in_pool(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run `function` in a pool thread and return what it returns.

    Raises TimeoutError after 5 s; the thread itself goes on until the database answers.
    """
    loop = asyncio.get_running_loop()
    # Not wait_for: on Python 3.11 it can swallow a cancellation that comes as the call ends.
    async with asyncio.timeout(TIMEOUT_S):
        return await loop.run_in_executor(_pool, _with_healthy_connection, function, args, kwargs)


def close_pool() -> None:
    """End the threads and with them their connections, such as before a test database is dropped."""
    _pool.shutdown()


def _with_healthy_connection(function: Callable[..., R], args: Any, kwargs: Any) -> R:
    close_old_connections()
    try:
        return function(*args, **kwargs)
    finally:
        close_old_connections()
