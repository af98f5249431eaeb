"""Django's pages: each request in one thread, and threads that keep their connection to the database."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.db import connections as databases
from django.http import HttpRequest, HttpResponseBase

KEPT = 8
"""Threads that wait, each with a connection to the database; a rush makes more, which end with their request."""


class Lanes:
    """Threads to run requests in, one request at a time in each."""

    def __init__(self) -> None:
        self._idle: deque[ThreadPoolExecutor] = deque()

    def take(self) -> ThreadPoolExecutor:
        """The one that worked last: under little load the others' connections grow old and are closed."""
        try:
            return self._idle.pop()
        except IndexError:
            return ThreadPoolExecutor(1, thread_name_prefix="page")

    def give_back(self, lane: ThreadPoolExecutor) -> None:
        """A request that was cancelled may still have work in its thread: the next one is let in after that."""
        lane.submit(int).add_done_callback(lambda _done: self._keep_or_end(lane))

    def close(self) -> None:
        """End the threads that wait, and with them their connections."""
        while self._idle:
            _end(self._idle.pop())

    def _keep_or_end(self, lane: ThreadPoolExecutor) -> None:
        if len(self._idle) < KEPT:
            self._idle.append(lane)
        else:
            _end(lane)


class Pages(ASGIHandler):
    """Django's own handler starts a thread and opens a connection for each request, and changes threads a dozen times
    on the way through the middleware: a message took 11 ms of CPU to post."""

    def __init__(self, lanes: Lanes) -> None:
        super().__init__()
        self._lanes = lanes

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def __call__(self, scope: dict[str, Any], receive: Callable, send: Callable) -> None:
        lane = self._lanes.take()
        try:
            async with ThreadSensitiveContext(executor=lane):
                await super().__call__(scope, receive, send)
        finally:
            self._lanes.give_back(lane)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        return await sync_to_async(self.get_response)(request)


def _end(lane: ThreadPoolExecutor) -> None:
    closed: Future = lane.submit(databases.close_all)
    closed.add_done_callback(lambda _done: lane.shutdown(wait=False))
