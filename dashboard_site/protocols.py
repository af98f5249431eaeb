"""uvicorn's protocols, hardened: they offer ready frames and end peers that stall, dawdle or send too much.

uvicorn 0.54 has no time limit for a handshake, leaves an oversized one unanswered, and closes a stalled peer only
when its buffer drains, which is never.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from live.push.writers import EXTENSION, HIGH_WATER

HANDSHAKE_S = 5.0
STALL_S = 8.0
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class WebSocketProtocol(WebSocketsSansIOProtocol):
    _deadline: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=HIGH_WATER)
        self._deadline = self.loop.call_later(HANDSHAKE_S, self._end_slow_handshake)

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._deadline, self._stalled):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        refused = not self.handshake_initiated and self.conn.handshake_exc is not None
        if refused and not self.transport.is_closing():
            self.transport.write(TOO_LARGE)
            self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stalled = self.loop.call_later(STALL_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        # close() waits for a buffer that a dead peer never drains.
        self.loop.call_later(1, self.transport.abort)

    async def run_asgi(self) -> None:
        self.scope["extensions"][EXTENSION] = {
            "write": self._write_ready,
            "buffered": self.transport.get_write_buffer_size,
            "abort": self.transport.abort,
        }
        await super().run_asgi()

    def _write_ready(self, frame: bytes) -> None:
        if self.handshake_complete and not self.close_sent and not self.transport.is_closing():
            self.transport.write(frame)

    def _end_slow_handshake(self) -> None:
        if not self.handshake_complete:
            self.transport.abort()


class HttpProtocol(HttpToolsProtocol):
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._deadline = self.loop.call_later(HANDSHAKE_S, self._end_silent)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def _end_silent(self) -> None:
        """No complete request header in time. A connection that became a WebSocket has a protocol of its own by now."""
        transport: Any = self.transport
        if self.cycle is None and transport.get_protocol() is self:
            transport.abort()
