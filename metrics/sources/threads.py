"""One thread per fetch, for work that may hang: nobody waits for it, not even the end of the process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from typing import TypeVar

from django.db import connections

R = TypeVar("R")


def in_thread(function: Callable[[], R], name: str) -> Future[R]:
    """Run `function` in a thread of its own, in the caller's language; its database connections end with it."""
    outcome: Future[R] = Future()
    outcome.set_running_or_notify_cancel()
    # A daemon: the threads of a pool are waited for when the process ends.
    context = copy_context()
    threading.Thread(target=context.run, args=(_run, function, outcome), name=name, daemon=True).start()
    return outcome


def _run(function: Callable[[], R], outcome: Future[R]) -> None:
    try:
        result = function()
    except BaseException as error:
        connections.close_all()
        outcome.set_exception(error)
    else:
        connections.close_all()
        outcome.set_result(result)
