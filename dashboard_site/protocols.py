"""uvicorn's protocols, hardened: they offer ready frames and end peers that stall, dawdle or send too much.

uvicorn 0.54 has no time limit for a handshake, leaves an oversized one unanswered, and closes a stalled peer only
when its buffer drains, which is never.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any

from django.conf import settings
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode
from websockets.http11 import Request
from websockets.protocol import State

from live.limits import Bucket
from live.push.writers import EXTENSION, HIGH_WATER

HANDSHAKE_S = 5.0
STALL_S = 8.0
LAST_WORDS_S = 1.0
PIECE_BYTES = 4096
FRAMES_PER_MESSAGE = 10
"""Frames of all kinds that a socket may send for each message of LIMIT_SOCKET_MESSAGES: pings, pongs, pieces."""
MISBEHAVED = 4008
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class WebSocketProtocol(WebSocketsSansIOProtocol):
    _deadline: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None
    _unread = b""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pace = Bucket(FRAMES_PER_MESSAGE * settings.LIMITS["socket_messages"])
        self.close_timeout = LAST_WORDS_S

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
        waiting, self._unread = self._unread, self._unread + data
        if not waiting:
            self._read_piece()

    def handle_connect(self, event: Request) -> None:
        if len(event.headers.get_all("Origin")) < 2:
            super().handle_connect(event)
            return
        # The library would answer 400: a second Origin is foreign, as any other that is not ours.
        self.handshake_initiated = self.handshake_complete = self.close_sent = True
        self.conn.send_response(self.conn.reject(HTTPStatus.FORBIDDEN, ""))
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.transport.close()

    def handle_events(self) -> None:
        """The frames of one piece; whoever sends more of them than anybody needs to is sent away."""
        frames = len(self.conn.events) if self.handshake_complete else 0
        if all(self._pace.take() for _ in range(frames)):
            super().handle_events()
        else:
            self._send_away()

    def send_receive_event_to_app(self) -> None:
        if self.close_sent or self.curr_msg_data_type == "bytes" or _is_utf8(b"".join(self.frames)):
            super().send_receive_event_to_app()
            return
        self.frames = []  # Before uvicorn decodes them: it would log a traceback.
        if self.conn.state is State.OPEN:
            self.conn.send_close(CloseCode.INVALID_DATA)
            self.handle_parser_exception()

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

    def _read_piece(self) -> None:
        """Parsing takes up to 10 ms for 4 KiB of tiny frames: between two pieces everybody else has a turn."""
        if self.transport.is_closing():
            return
        piece, self._unread = self._unread[:PIECE_BYTES], self._unread[PIECE_BYTES:]
        super().data_received(piece)
        self._refuse_if_too_large()
        if self._unread:
            self.transport.pause_reading()
            self.loop.call_soon(self._read_piece)
        elif not self.read_paused:
            self.transport.resume_reading()

    def _refuse_if_too_large(self) -> None:
        refused = not self.handshake_initiated and self.conn.handshake_exc is not None
        if refused and not self.transport.is_closing():
            self.transport.write(TOO_LARGE)
            self.transport.close()

    def _send_away(self) -> None:
        """Say 4008, hear nothing more, and hang up a moment later, so that the peer can read it."""
        self._unread, self.read_paused = b"", True
        self.transport.pause_reading()
        self.loop.call_later(LAST_WORDS_S, self.transport.abort)
        if not self.close_sent:
            self.queue.put_nowait({"type": "websocket.disconnect", "code": MISBEHAVED})
            self.conn.send_close(MISBEHAVED)
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True

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


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
