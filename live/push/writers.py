"""The last step to the wire, for servers that offer ready frames and for those that do not."""

from __future__ import annotations

import asyncio
import struct
import types
from collections.abc import Callable, Coroutine, Generator
from functools import cached_property
from typing import Any, Protocol

EXTENSION = "watchfloor.ready_frames"
HIGH_WATER = 64 * 1024
"""Bytes in a socket's transport above which it is passed over and its fragments conflate."""


class Frame:
    """One WebSocket text message, encoded at most once for everybody who receives it."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def wire(self) -> bytes:
        """The bytes of an unmasked, uncompressed server frame (RFC 6455, section 5.2)."""
        payload = self.text.encode()
        size = len(payload)
        if size < 126:
            return struct.pack("!BB", 0x81, size) + payload
        if size < 65536:
            return struct.pack("!BBH", 0x81, 126, size) + payload
        return struct.pack("!BBQ", 0x81, 127, size) + payload


class Writer(Protocol):
    def write(self, frame: Frame) -> None: ...

    def is_full(self) -> bool:
        """Whether the peer is behind, so that the next frame has to wait."""

    def abort(self) -> None:
        """Drop the connection without the closing handshake, which a stalled peer would never finish."""


class ReadyWriter:
    """Writes encoded frames straight to the transport of `manage.py serve`.

    Its protocol (dashboard_site.protocols) sets the flags: `full` while the transport holds more than HIGH_WATER,
    `sealed` once the closing handshake has begun, `ahead` to what leaves with the first frame. This is what every push
    touches of every socket, so it is one small object: memory that is cold after half a second is what pushing costs.
    """

    __slots__ = ("_transport", "ahead", "full", "sealed")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self.ahead = b""
        self.full = self.sealed = False

    def write(self, frame: Frame) -> None:
        if self.sealed or self._transport.is_closing():
            return
        if self.ahead:
            self._transport.write(self.ahead + frame.wire)
            self.ahead = b""
        else:
            self._transport.write(frame.wire)

    def is_full(self) -> bool:
        return self.full

    def write_ahead(self) -> None:
        """Write what was to leave with the first frame, if none has come."""
        if self.ahead and not self._transport.is_closing():
            self._transport.write(self.ahead)
        self.ahead = b""

    def abort(self) -> None:
        self._transport.abort()


class AsgiWriter:
    """Writes through ASGI `send` on any other server.

    The send is begun by hand: a server that takes the message at once costs no task; one that makes the sender wait
    gets a task that finishes the send, and the socket counts as full until then.
    """

    __slots__ = ("_send", "_waiting")

    def __init__(self, send: Callable[[dict], Coroutine[Any, Any, None]]) -> None:
        self._send = send
        self._waiting: asyncio.Task | None = None

    def write(self, frame: Frame) -> None:
        sending = self._send({"type": "websocket.send", "text": frame.text})
        self._waiting = finish_later(sending)

    def is_full(self) -> bool:
        return self._waiting is not None and not self._waiting.done()

    def abort(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()


def finish_later(work: Coroutine[Any, Any, None]) -> asyncio.Task | None:
    """Run the coroutine until it first has to wait; a task for the rest, or None when there is no rest."""
    try:
        awaited = work.send(None)
    except StopIteration:
        return None
    except Exception:  # The peer is gone; its consumer learns it from its own receive.
        return None
    return asyncio.ensure_future(_rest(work, awaited))


async def _rest(work: Coroutine[Any, Any, None], awaited: Any) -> None:
    try:
        await _resume(work, awaited)
    except Exception:  # As above.
        return


@types.coroutine
def _resume(work: Coroutine[Any, Any, None], awaited: Any) -> Generator[Any, Any, None]:
    """Go on with a coroutine that was begun by hand and yielded `awaited`."""
    while True:
        step: Callable[[Any], Any]
        try:
            step, argument = work.send, (yield awaited)
        except BaseException as error:
            step, argument = work.throw, error
        try:
            awaited = step(argument)
        except StopIteration:
            return
