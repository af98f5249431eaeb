"""uvicorn with our protocols, our limits, and an end that sends its visitors away kindly."""

from __future__ import annotations

import signal
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from django.conf import settings

from dashboard_site.listening import BACKLOG
from dashboard_site.protocols import HttpProtocol, WebSocketProtocol

DRAIN_S = 3.0
"""Over which the sockets are sent away at SIGTERM, so that they do not all come back at once."""
FINISH_S = 5
MESSAGE_BYTES = 64 * 1024
PING_S = 8.0

Drain = Callable[[float], Awaitable[None]]


class Server(uvicorn.Server):
    """`drain(seconds)` closes the open sockets, spread over that time."""

    def __init__(self, config: uvicorn.Config, drain: Drain) -> None:
        super().__init__(config)
        self._drain = drain

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        await self._drain(0 if signal.SIGINT in self._captured_signals else DRAIN_S)
        await super().shutdown(sockets)


def configuration(application: Any) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        http=HttpProtocol,
        ws=WebSocketProtocol,
        lifespan="on",
        # Without access log: its lines carry query strings.
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        proxy_headers=bool(settings.TRUSTED_PROXIES),
        forwarded_allow_ips=settings.TRUSTED_PROXIES,
        ws_max_size=MESSAGE_BYTES,
        ws_per_message_deflate=False,
        ws_ping_interval=PING_S,
        ws_ping_timeout=PING_S,
        backlog=BACKLOG,
        timeout_graceful_shutdown=FINISH_S,
    )
