"""Watchfloor's own application with the wall's socket beside its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.contenders.wall.settings"

import django

django.setup()

from channels.routing import URLRouter
from django.urls import path

from benchmarks.contenders.orders import obey
from benchmarks.contenders.wall.consumers import WallConsumer
from benchmarks.contenders.wall.topic import carry_out
from dashboard_site import asgi

WALL = "/ws/wall/"
wall = URLRouter([path("ws/wall/", WallConsumer.as_asgi())])


async def application(scope: dict[str, Any], receive: Callable, send: Callable) -> None:
    if scope.get("path") == WALL:
        await asgi.runtime.ensure_started()
        await wall(scope, receive, send)
    else:
        await asgi.application(scope, receive, send)


obey(carry_out)
