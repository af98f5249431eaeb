"""Channels as its tutorial has it: every socket has a consumer with a channel of its own in the group."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import django
from django.conf import settings

layer = {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [os.environ["REDIS_URL"]]}}
settings.configure(INSTALLED_APPS=["channels"], CHANNEL_LAYERS={"default": layer})
django.setup()

# After the set-up.
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import get_channel_layer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path

from benchmarks.contenders.orders import filled, obey

GROUP = "wall"
loops: list[asyncio.AbstractEventLoop] = []


class WallConsumer(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        loops[:] = [asyncio.get_running_loop()]
        await self.channel_layer.group_add(GROUP, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(GROUP, self.channel_name)

    async def wall_text(self, event: dict[str, Any]) -> None:
        await self.send(text_data=event["text"])


def publish(size: str) -> None:
    message = {"type": "wall.text", "text": filled(int(size))}
    asyncio.run_coroutine_threadsafe(get_channel_layer().group_send(GROUP, message), loops[0])


application = ProtocolTypeRouter({"websocket": URLRouter([path("ws/", WallConsumer.as_asgi())])})
obey(publish)
