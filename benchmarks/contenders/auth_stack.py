"""Sessions as Channels reads them: AuthMiddlewareStack in front of a consumer that greets the person.

At /ws/open/ a consumer greets everybody: what the server and Channels cost without any session.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from typing import Any

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.contenders.wall.settings"

import django

django.setup()

from channels.auth import AuthMiddlewareStack
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import URLRouter
from django.urls import path


class OpenConsumer(AsyncWebsocketConsumer):
    channel_layer_alias = "none"

    async def connect(self) -> None:
        await self.accept()
        await self.send(text_data="Hello")


class GreetingConsumer(AsyncWebsocketConsumer):
    channel_layer_alias = "none"

    async def connect(self) -> None:
        if not self.scope["user"].is_authenticated:
            await self.close()
            return
        await self.accept()
        await self.send(text_data=f"Hello {self.scope['user'].get_username()}")


signed_in = AuthMiddlewareStack(GreetingConsumer.as_asgi())
sockets = URLRouter([path("ws/", signed_in), path("ws/open/", OpenConsumer.as_asgi())])


async def application(scope: dict[str, Any], receive: Callable, send: Callable) -> None:
    if scope["type"] == "websocket":
        await sockets(scope, receive, send)
    else:
        await lifespan(receive, send)


async def lifespan(receive: Callable, send: Callable) -> None:
    """With the collector of garbage tuned as Watchfloor tunes it."""
    await receive()
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 100)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})
