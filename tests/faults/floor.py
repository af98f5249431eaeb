"""Several processes in one: hubs on a layer with weather, real consumers, real pages, and tabs that apply frames.

The loop has a thread of its own; tests write and look from theirs. The hubs' periods are shortened, so that seconds
of healing become tenths.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import time
from collections import deque
from collections.abc import Coroutine, Iterator
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

import pytest
from channels.routing import URLRouter
from django.test import Client

from live.presence import peers
from live.push import bus, guard, hub, rendering, signals
from live.push.hub import Hub
from live.push.topics import Part
from live.routing import websocket_urlpatterns as live_sockets
from metrics.routing import websocket_urlpatterns as metrics_sockets
from metrics.sources import topic as sources
from tests.faults.dom import Page
from tests.faults.layer import StormyLayer

PERIODS = {
    hub: {"TICK_S": 0.02, "PRESENCE_S": 0.01, "BEAT_S": 0.04, "HEAL_S": 0.08},
    guard: {"REVIEW_S": 0.16},
    sources: {"EVERY_MS": 100},
    peers: {"DIGEST_EVERY_S": 0.2, "SILENT_S": 2.0},
    # Shortened less: on a busy machine a beat of 40 ms may well be late.
    bus: {"DOWN_AFTER_S": 0.5},
}
HOST = "testserver"
COMES_BACK = {1000, 1006, 4012}
"""Close codes after which the page connects again by itself; among those that occur."""

application = URLRouter([*live_sockets, *metrics_sockets])
here: ContextVar[Hub | None] = ContextVar("here", default=None)
"""The process in which something happens; None in a command or a shell."""


@contextlib.contextmanager
def faster() -> Iterator[set[str]]:
    """Shorten the periods, let `here` decide which hub runs, and collect which templates are pushed."""
    pushed: set[str] = set()

    print_part = rendering.print_part

    def noted(part: Part) -> str:
        pushed.add(part.template)
        return print_part(part)

    with pytest.MonkeyPatch.context() as patch:
        for module, names in PERIODS.items():
            for name, seconds in names.items():
                patch.setattr(module, name, seconds)
        patch.setattr(hub, "running", here.get)
        for module in [module for name, module in sys.modules.items() if name.startswith("live.push.")]:
            if getattr(module, "print_part", None) is print_part:
                patch.setattr(module, "print_part", noted)
        yield pushed


class Floor:
    """Use it as a context manager: hubs start with it and end with it."""

    def __init__(self, layer: StormyLayer, processes: int = 2) -> None:
        self.layer = layer
        self.tabs: list[Tab] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="floor", daemon=True)
        self._thread.start()
        self.hubs = [self.run(self._start(f"process{number}")) for number in range(processes)]
        signals.deliver_to(_deliver)

    def __enter__(self) -> Floor:
        return self

    def __exit__(self, *error: object) -> None:
        for tab in self.tabs:
            tab.drop()
        for one in self.hubs:
            self.run(one.stop())
        signals.deliver_to(None)
        self.run(self._cancel_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do something on the loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def soon(self, function: Any, *arguments: Any) -> None:
        self._loop.call_soon_threadsafe(function, *arguments)

    async def _start(self, process: str) -> Hub:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bus, "get_channel_layer", lambda: self.layer)
            made = Hub(process)
        made.start()
        return made

    async def _cancel_all(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            # Not gather: in Python 3.11 a wait_for that is done at that moment swallows the cancelling.
            await asyncio.wait(tasks, timeout=1)


def _deliver(names: tuple[str, ...]) -> None:
    if (process := here.get()) is not None:
        process._offer_from_any_thread(names)


class Tab:
    """A page that somebody has open, served by one process.

    `hidden`: frames wait until it is looked at again. `flowing` is cleared while the peer does not read.
    """

    def __init__(self, floor: Floor, client: Client, path: str, process: int) -> None:
        self.floor, self.client, self.path, self.process = floor, client, path, process
        self.hidden = False
        self.code: int | None = None
        """Of the last close; None while the socket is open."""
        self.waiting: deque[str] = deque()
        self.flowing = asyncio.Event()
        self.flowing.set()
        self._inbox: asyncio.Queue[dict[str, Any]] | None = None
        floor.tabs.append(self)
        self.load()

    def fetch(self) -> str | None:
        """The page as it is now; None when there is none for this person."""
        with at(self.floor.hubs[self.process]):
            answer = self.client.get(self.path)
        return answer.content.decode() if answer.status_code == 200 else None

    def load(self) -> None:
        """As by the reload button."""
        text = self.fetch()
        assert text is not None, f"{self.path} is not there"
        self.drop()
        self.page = Page(text)
        (self.address,) = self.page.root.xpath("//main/@*[name()='hx-ws:connect']")
        self.connect()

    def connect(self) -> None:
        self.code, self._inbox = None, asyncio.Queue()
        self._inbox.put_nowait({"type": "websocket.connect"})
        asyncio.run_coroutine_threadsafe(self._serve(self._inbox), self.floor._loop)

    def drop(self, *, lost: int = 0) -> None:
        """The connection breaks; the last frames were still on their way."""
        if self._inbox is not None and self.code is None:
            self.floor.soon(self._inbox.put_nowait, {"type": "websocket.disconnect", "code": 1006})
        self.code, self._inbox = 1006, None
        for _ in range(min(lost, len(self.waiting))):
            self.waiting.pop()

    def look(self) -> None:
        """Apply what has come, unless nobody looks."""
        while self.waiting and not self.hidden:
            self.page.apply(self.waiting.popleft())

    def settle(self) -> None:
        """What a browser and a person do by themselves: look, connect again, reload a page that ended."""
        self.hidden = False
        self.floor.soon(self.flowing.set)
        self.look()
        if self.code in COMES_BACK:
            self.connect()
        elif self.code is not None and self.fetch() is not None:
            self.load()

    async def _serve(self, inbox: asyncio.Queue[dict[str, Any]]) -> None:
        here.set(self.floor.hubs[self.process])

        async def send(message: dict[str, Any]) -> None:
            await self.flowing.wait()
            if self._inbox is inbox:
                self._take(message)

        await application(self._scope(), inbox.get, send)

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.send":
            self.waiting.append(message["text"])
        elif message["type"] == "websocket.close":
            self.code = message.get("code", 1000)
            if self._inbox is not None:
                self._inbox.put_nowait({"type": "websocket.disconnect", "code": self.code})

    def _scope(self) -> dict[str, Any]:
        address = urlsplit(self.address)
        cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in self.client.cookies.items())
        headers = {"host": HOST, "origin": f"http://{HOST}", "cookie": cookies}
        return {
            "type": "websocket",
            "scheme": "ws",
            "path": address.path,
            "query_string": address.query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "subprotocols": [],
            "client": ("127.0.0.1", 1),
            "extensions": {},
        }


@contextlib.contextmanager
def at(process: Hub | None) -> Iterator[None]:
    """What happens inside happens in this process."""
    token = here.set(process)
    try:
        yield
    finally:
        here.reset(token)


def until(wanted: Any, seconds: float) -> bool:
    """Whether it came true in time."""
    ends = time.monotonic() + seconds
    while not (found := wanted()) and time.monotonic() < ends:
        time.sleep(0.01)
    return bool(found)
