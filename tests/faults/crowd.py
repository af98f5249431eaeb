"""A crowd of WebSocket clients on one event loop, in a thread of its own; each costs a few kilobytes.

A member reads, counts and comes back as a browser does, or misbehaves on request: stops reading, sends a byte now and
then, sends as fast as it can. Tests look on from their own thread, and wait for what they expect with `until`.
"""

from __future__ import annotations

import asyncio
import random
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self

import uvloop

from tests.faults.wire import CLOSE, PING, PONG, TEXT, Address, Incoming, frame

LOOK_EVERY_S = 0.02
SMALL_BUFFER = 4096


@dataclass(frozen=True, slots=True)
class Closing:
    """When a connection ended (monotonic) and how: a close code, 1006 without one, or the HTTP status of a refusal."""

    at: float
    code: int


@dataclass(frozen=True, slots=True)
class ComingBack:
    """When a browser connects again, as htmx 4.0.1 decides it. Times in seconds."""

    delay: float
    longest: float
    jitter: float
    codes: frozenset[int]

    def wait(self, attempt: int) -> float:
        """Before the attempt with this number, counted from 1."""
        mean = min(self.delay * 2 ** (attempt - 1), self.longest)
        return max(0.0, mean * (1 + random.uniform(-self.jitter, self.jitter)))


class Member(asyncio.Protocol):
    """One client. `hear` is called on the crowd's thread with every text message and the time it came."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        address: Address,
        *,
        hear: Callable[[bytes, float], None] | None = None,
        coming_back: ComingBack | None = None,
        receive_buffer: int = 0,
    ) -> None:
        self.address = address
        self.opened: list[float] = []
        self.first_heard: list[float] = []
        """When the first message after each opening came."""
        self.closed: list[Closing] = []
        self.messages = 0
        self.local_port = 0
        self.hear = hear
        self._loop = loop
        self._coming_back = coming_back
        self._receive_buffer = receive_buffer
        self._transport: Any = None
        self._incoming: Incoming | None = None
        self._head = b""
        self._code = 1006
        self._attempts = 0

    @property
    def is_open(self) -> bool:
        return self._incoming is not None

    @property
    def is_served(self) -> bool:
        """Whether the present connection has brought its first message."""
        return self.is_open and len(self.first_heard) == len(self.opened)

    # From any thread

    def send(self, message: bytes) -> None:
        self._soon(self._write, frame(message))

    def send_raw(self, data: bytes) -> None:
        self._soon(self._write, data)

    def stop_reading(self) -> None:
        self._soon(lambda: self._transport.pause_reading())

    def leave(self) -> None:
        """Close as a browser does that goes on to another page, and stay away."""
        self._coming_back = None
        self._soon(self._say_goodbye)

    def vanish(self) -> None:
        """Drop the connection without a word, and stay away."""
        self._coming_back = None
        self._soon(lambda: self._transport and self._transport.abort())

    def come(self) -> None:
        self._soon(self._connect)

    def _soon(self, work: Callable[..., Any], *arguments: Any) -> None:
        self._loop.call_soon_threadsafe(work, *arguments)

    # On the loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self._head, self._code = transport, b"", 1006
        self.local_port = transport.get_extra_info("sockname")[1]
        self._transport.write(self.address.handshake())

    def data_received(self, data: bytes) -> None:
        if self._incoming is None:
            head, end, data = (self._head + data).partition(b"\r\n\r\n")
            if not end:
                self._head = head
                return
            status = int(head[9:12])
            if status != 101:
                self._code = status
                self._transport.abort()
                return
            self._incoming, self._attempts = Incoming(), 0
            self.opened.append(time.monotonic())
        for opcode, payload in self._incoming.frames(data):
            self._take(opcode, payload)

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = self._incoming = None
        self._end()

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == TEXT:
            now = time.monotonic()
            self.messages += 1
            if len(self.first_heard) < len(self.opened):
                self.first_heard.append(now)
            if self.hear is not None:
                self.hear(payload, now)
        elif opcode == PING:
            self._write(frame(payload, PONG))
        elif opcode == CLOSE:
            self._code = int.from_bytes(payload[:2]) if payload else 1005
            self._write(frame(payload[:2], CLOSE))
            self._transport.close()

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _say_goodbye(self) -> None:
        self._write(frame((1000).to_bytes(2), CLOSE))

    def _connect(self) -> None:
        self._loop.create_task(self._try_to_connect())

    async def _try_to_connect(self) -> None:
        try:
            plug = socket.socket()
            plug.setblocking(False)
            if self._receive_buffer:
                plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer)
            await self._loop.sock_connect(plug, ("127.0.0.1", self.address.port))
            await self._loop.create_connection(lambda: self, sock=plug)
        except OSError:
            plug.close()
            self._end()

    def _end(self) -> None:
        self.closed.append(Closing(time.monotonic(), self._code))
        back = self._coming_back
        if back is not None and (self._code in back.codes or self._code < 1000):
            self._attempts += 1
            self._loop.call_later(back.wait(self._attempts), self._connect)


class Crowd:
    """Use it as a context manager; whoever is still there leaves with it."""

    def __init__(self) -> None:
        self.members: list[Member] = []
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="crowd", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.go_home(self.members)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def invite(self, addresses: Iterable[Address], **manner: Any) -> list[Member]:
        """Members that are not yet connected; `manner` as Member takes it."""
        come = [Member(self._loop, address, **manner) for address in addresses]
        self.members += come
        return come

    def gather(self, members: Iterable[Member], *, seconds: float = 30.0, together: int = 50) -> None:
        """Connect them, some at a time, and return when each has its first message."""
        waiting = list(members)
        for start in range(0, len(waiting), together):
            some = waiting[start : start + together]
            for member in some:
                member.come()
            until(lambda some=some: all(member.is_served for member in some), seconds, "the crowd is connected")

    def go_home(self, members: Iterable[Member], *, seconds: float = 5.0) -> None:
        """All connections end; the members are forgotten."""
        leaving = list(members)
        for member in leaving:
            member.vanish()
        until(lambda: not any(member.is_open for member in leaving), seconds, "the crowd has gone")
        self.members = [member for member in self.members if member not in set(leaving)]


def until(
    wanted: Callable[[], Any],
    seconds: float,
    what: str | Callable[[], str] = "",
    *,
    look_every_s: float = LOOK_EVERY_S,
) -> float:
    """Wait until it is so; the seconds that it took. Fails with `what` when the time is over."""
    started = time.monotonic()
    while not wanted():
        took = time.monotonic() - started
        assert took < seconds, f"not within {seconds:.1f} s: {what() if callable(what) else what or repr(wanted)}"
        time.sleep(look_every_s)
    return time.monotonic() - started
