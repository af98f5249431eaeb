"""uvicorn's protocols, hardened: they offer ready frames and end peers that stall, dawdle or send too much.

uvicorn 0.54 has no time limit for a handshake, leaves an oversized one unanswered, and closes a stalled peer only
when its buffer drains, which is never.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from http import HTTPStatus
from typing import Any

from django.conf import settings
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode
from websockets.http11 import Request
from websockets.protocol import State

from dashboard_site.handshakes import answer, ordinary_key, websocket_scope
from dashboard_site.inbox import Inbox
from live.limits import Bucket
from live.push.writers import EXTENSION, HIGH_WATER, ReadyWriter

HANDSHAKE_S = 5.0
STALL_S = 8.0
LAST_WORDS_S = 1.0
TOGETHER_S = 0.05
"""So long the answer to a handshake waits for the first frame, to leave with it."""
PIECE_BYTES = 4096
FRAMES_PER_MESSAGE = 10
"""Frames of all kinds that a socket may send for each message of LIMIT_SOCKET_MESSAGES: pings, pongs, pieces."""
MISBEHAVED = 4008
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
ALWAYS = asyncio.Event()
ALWAYS.set()


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Made by HttpProtocol for a request that has come whole."""

    _stalled: asyncio.TimerHandle | None = None
    _unread = b""
    _key = ""
    _close_sent = False
    _writer: ReadyWriter | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.queue: Any = Inbox()
        self.writable = ALWAYS  # An event of its own is 0.7 KiB, and few sockets ever have to wait.
        self._pace = Bucket(FRAMES_PER_MESSAGE * settings.LIMITS["socket_messages"])
        self.close_timeout = LAST_WORDS_S

    @property
    def close_sent(self) -> bool:
        return self._close_sent

    @close_sent.setter
    def close_sent(self, value: bool) -> None:
        """uvicorn sets it wherever it begins to close."""
        self._close_sent = value
        if self._writer is not None:
            self._writer.sealed = value

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=HIGH_WATER)

    def take_over(self, http: HttpToolsProtocol, key: str) -> None:
        """Go on where `http` has read an ordinary handshake with this key: what handle_connect does for all others."""
        self.transport, self.server, self.client = http.transport, http.server, http.client
        self.scheme = "wss" if http.scheme == "https" else "ws"
        self.connections.add(self)
        self.transport.set_write_buffer_limits(high=HIGH_WATER)
        self.transport.set_protocol(self)
        self._key = key
        self.handshake_initiated = True
        self.conn.state = State.OPEN
        self.conn.parser = self.conn.parse()  # Of frames, since the connection is open.
        next(self.conn.parser)
        self.scope = websocket_scope(http)
        self.queue.put_nowait({"type": "websocket.connect"})
        task = self.loop.create_task(self.run_asgi())
        task.add_done_callback(self.on_task_complete)
        self.tasks.add(task)

    async def send(self, message: Any) -> None:
        if self.handshake_complete and self.close_sent:
            return  # The application hears of it by a message that it has not read yet.
        is_accept = message["type"] == "websocket.accept"
        if is_accept and self._key:
            self._accept(message)
        else:
            self._send_answer()
            await super().send(message)
        if is_accept and self._unread:
            self._read_piece()

    def shutdown(self) -> None:
        self._send_answer()
        super().shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        waiting, self._unread = self._unread, self._unread + data
        if self.handshake_initiated and not self.handshake_complete:
            self.transport.pause_reading()  # Who talks before the answer waits for it.
        elif not waiting:
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
        self.writable = asyncio.Event()
        if self._writer is not None:
            self._writer.full = True
        self._stalled = self.loop.call_later(STALL_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._writer is not None:
            self._writer.full = False
        if self._stalled is not None:
            self._stalled.cancel()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        # close() waits for a buffer that a dead peer never drains.
        self.loop.call_later(1, self.transport.abort)

    def run_asgi(self) -> Coroutine[Any, Any, None]:
        self._writer = ReadyWriter(self.transport)
        self.scope["extensions"][EXTENSION] = {"writer": self._writer}
        return super().run_asgi()

    def _accept(self, message: Any) -> None:
        if self.disconnected or self.transport.is_closing():
            raise ClientDisconnected
        headers = [*self.default_headers, *message.get("headers", ())]
        if message.get("subprotocol"):
            headers.append((b"sec-websocket-protocol", message["subprotocol"].encode()))
        self.handshake_complete = True
        if self._writer is not None:
            self._writer.ahead = answer(self._key, headers)
        self.loop.call_later(TOGETHER_S, self._send_answer)
        self.start_keepalive()

    def _send_answer(self) -> None:
        """Unless the first frame took it along: every write costs 20 µs, a tenth of a handshake."""
        if self._writer is not None:
            self._writer.write_ahead()

    def _read_piece(self) -> None:
        """Parsing takes up to 10 ms for 4 KiB of tiny frames: between two pieces everybody else has a turn."""
        if self.transport.is_closing():
            return
        self._send_answer()
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
        # As uvicorn's own timer, so that it does not hang up when the application has ended: with the rest of the flood
        # unread, that would be a reset, which may overtake the code.
        self.close_timer = self.close_timer or self.loop.call_later(LAST_WORDS_S, self.transport.abort)
        if not self.close_sent:
            self.queue.put_nowait({"type": "websocket.disconnect", "code": MISBEHAVED})
            self.conn.send_close(MISBEHAVED)
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True


class HttpProtocol(HttpToolsProtocol):
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._deadline = self.loop.call_later(HANDSHAKE_S, self._end_silent)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        if key := ordinary_key(self.scope, self.url):
            self.connections.discard(self)
            socket = WebSocketProtocol(self.config, self.server_state, self.app_state)
            socket.take_over(self, key)
        else:
            super().handle_websocket_upgrade()
        self.parser: Any = None  # They hold each other: 2 KiB until the next full collection, which is rare.

    def _end_silent(self) -> None:
        """No complete request header in time."""
        if self.cycle is None:
            self.transport.abort()


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
