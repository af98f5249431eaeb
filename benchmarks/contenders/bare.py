"""The least that a Python server can do: an ASGI application that sends ready text to every socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from benchmarks.contenders.orders import filled, obey

sockets: set[Callable] = set()
loops: list[asyncio.AbstractEventLoop] = []


async def application(scope: dict[str, Any], receive: Callable, send: Callable) -> None:
    assert scope["type"] == "websocket"
    await receive()
    await send({"type": "websocket.accept"})
    loops[:] = [asyncio.get_running_loop()]
    sockets.add(send)
    try:
        while (await receive())["type"] != "websocket.disconnect":
            continue
    finally:
        sockets.discard(send)


async def broadcast(text: str) -> None:
    for send in list(sockets):
        await send({"type": "websocket.send", "text": text})


def publish(size: str) -> None:
    asyncio.run_coroutine_threadsafe(broadcast(filled(int(size))), loops[0])


obey(publish)
