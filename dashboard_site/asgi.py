"""The ASGI application: lifespan, pages, sockets."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard_site.settings")

from django.core.asgi import get_asgi_application

pages: Any = get_asgi_application()

# After the set-up: these import models.
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from channels.routing import ProtocolTypeRouter, URLRouter
from django.db import connections as databases
from django.urls import re_path

from dashboard_site.runtime import runtime
from live.push.consumers import UnknownPage
from live.routing import websocket_urlpatterns as live_sockets
from metrics.ingest.app import IngestApp
from metrics.routing import websocket_urlpatterns as metrics_sockets


async def closing(scope: dict[str, Any], receive: Callable, send: Callable) -> None:
    """The pages, each request in a thread of its own, whose database connections end with it.

    Django keeps a connection for the thread's next request (CONN_MAX_AGE), which under ASGI never comes: on PostgreSQL
    the hundredth request was the last.
    """
    async with ThreadSensitiveContext():
        try:
            await pages(scope, receive, send)
        finally:
            await sync_to_async(databases.close_all)()


front: Any = closing
connections = ProtocolTypeRouter(
    {
        "http": IngestApp(front, runtime.writer),
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
            await send({"type": "lifespan.shutdown.complete"})
            return
