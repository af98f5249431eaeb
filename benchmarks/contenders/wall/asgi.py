"""Watchfloor's own application with the wall's socket beside its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.contenders.wall.settings"

from dashboard_site import asgi

runtime = asgi.runtime

# After the set-up: these import models.
from channels.routing import URLRouter
from django.urls import path, re_path

from benchmarks.contenders.orders import obey
from benchmarks.contenders.wall.consumers import WallConsumer
from benchmarks.contenders.wall.topic import carry_out

sockets = URLRouter([path("ws/wall/", WallConsumer.as_asgi()), re_path(r"", asgi.application)])


async def application(scope: dict[str, Any], receive: Callable, send: Callable) -> None:
    if scope["type"] == "websocket":
        await runtime.ensure_started()
        await sockets(scope, receive, send)
    else:
        await asgi.application(scope, receive, send)


obey(carry_out)
