"""The ASGI application: lifespan, pages, sockets."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard_site.settings")

import django

django.setup(set_prefix=False)

# After the set-up: these import models.
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import re_path

from dashboard_site.lanes import Lanes, Pages
from dashboard_site.runtime import runtime
from live.push.consumers import UnknownPage
from live.routing import websocket_urlpatterns as live_sockets
from metrics.ingest.app import IngestApp
from metrics.routing import websocket_urlpatterns as metrics_sockets

lanes = Lanes()
pages: Any = Pages(lanes)
connections = ProtocolTypeRouter(
    {
        "http": IngestApp(pages, runtime.writer),
        "websocket": URLRouter([*live_sockets, *metrics_sockets, re_path(r"", UnknownPage.as_asgi())]),
    }
)


async def application(scope: dict[str, Any], receive: Callable, send: Callable) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    await runtime.ensure_started()
    await connections(scope, receive, send)


async def lifespan(receive: Callable, send: Callable) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await runtime.ensure_started()
            await send({"type": "lifespan.startup.complete"})
        else:
            await runtime.stop()
            lanes.close()
            await send({"type": "lifespan.shutdown.complete"})
            return
