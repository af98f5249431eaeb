"""Handshakes on bytes: ordinary ones are read by us, all others by websockets; nobody can tell which."""

from __future__ import annotations

import asyncio
import socket
import time

import pytest
from websockets.utils import accept_key

from dashboard_site.handshakes import ordinary_key
from dashboard_site.inbox import Inbox
from tests.faults.wire import PING, PONG, Address, Incoming, frame

KEY = "d2F0Y2hmbG9vciBjcm93ZA=="


def connected(server, *, token: str = "", **more: str) -> socket.socket:
    plug = socket.create_connection(("127.0.0.1", server.port), 10)
    plug.sendall(Address(server.port, "/ws/chat/general/?format=json", token=token).handshake(**more))
    return plug


def head(plug: socket.socket) -> tuple[str, bytes]:
    """The head of the answer, and what came with it."""
    data = b""
    while b"\r\n\r\n" not in data and (more := plug.recv(65536)):
        data += more
    top, _, rest = data.partition(b"\r\n\r\n")
    return top.decode(), rest


def until(plug: socket.socket, rest: bytes, opcode: int, word: bytes) -> bytes:
    incoming = Incoming()
    while True:
        for code, payload in incoming.frames(rest):
            if code == opcode and word in payload:
                return payload
        if not (rest := plug.recv(65536)):
            raise AssertionError("closed")


@pytest.mark.parametrize(
    "more", [{}, {"X-Twice": "a\r\nX-Twice: b"}, {"Sec-WebSocket-Protocol": "json"}, {"Content-Length": "0"}]
)
def test_the_answer_is_the_same_by_either_way(either_server, more):
    with connected(either_server, **more) as plug:
        top, rest = head(plug)
        assert top.startswith("HTTP/1.1 101 Switching Protocols\r\n")
        assert f"Sec-WebSocket-Accept: {accept_key(KEY)}" in top
        assert until(plug, rest, 1, b"online_count")


@pytest.mark.parametrize("more", [{}, {"Content-Length": "0"}])
def test_who_talks_before_the_answer_is_heard_after_it(either_server, more):
    with connected(either_server, **more) as plug:
        for number in range(10):  # For 40 ms: the answer waits at least 50, and the first may come with the request.
            time.sleep(0.004)
            plug.sendall(frame(b"ping %d" % number, PING))
        top, rest = head(plug)
        assert top.startswith("HTTP/1.1 101")
        assert until(plug, rest, PONG, b"ping 9")


ORDINARY = [
    (b"host", b"localhost"),
    (b"origin", b"http://localhost"),
    (b"sec-websocket-version", b"13"),
    (b"sec-websocket-key", KEY.encode()),
]


def scope(*more: tuple[bytes, bytes], method: str = "GET", version: str = "1.1") -> dict:
    return {"method": method, "http_version": version, "headers": [*ORDINARY, *more]}


def test_what_browsers_send_is_ordinary():
    extensions = (b"sec-websocket-extensions", b"permessage-deflate; client_max_window_bits")
    assert ordinary_key(scope(extensions, (b"cookie", b"a=" + b"x" * 4000)), b"/ws/chat/?lang=ru") == KEY


@pytest.mark.parametrize(
    "told, url",
    [
        (scope(method="POST"), b"/"),
        (scope(version="1.0"), b"/"),
        (scope((b"origin", b"http://elsewhere.example")), b"/"),
        (scope((b"host", b"localhost")), b"/"),
        (scope((b"transfer-encoding", b"chunked")), b"/"),
        (scope((b"content-length", b"5")), b"/"),
        (scope((b"sec-websocket-protocol", b"json")), b"/"),
        (scope((b"cookie", b"x" * 8000)), b"/"),
        (scope(*((b"x-%d" % number, b"") for number in range(125))), b"/"),
        (scope(), b"/\xe9"),
        (scope(), b"/" + b"x" * 8000),
    ],
)
def test_anything_unusual_is_left_to_websockets(told, url):
    assert ordinary_key(told, url) == ""


@pytest.mark.parametrize(
    "key", [b"", b"x", b"d2F0Y2hmbG9vciBjcm93ZA", b"d2F0Y2hmbG9vciBjcm93ZA==\n", b"!" * 22 + b"=="]
)
def test_a_key_that_is_not_16_bytes_is_left_to_websockets(key):
    told = {"method": "GET", "http_version": "1.1", "headers": [*ORDINARY[:3], (b"sec-websocket-key", key)]}
    assert ordinary_key(told, b"/") == ""


def test_an_inbox_gives_in_order_and_waits_when_it_is_empty():
    async def exchange() -> list[int]:
        inbox = Inbox()
        waiting = asyncio.ensure_future(inbox.get())
        await asyncio.sleep(0)
        inbox.put_nowait(1)
        inbox.put_nowait(2)
        return [await waiting, await inbox.get(), inbox.empty()]

    assert asyncio.run(exchange()) == [1, 2, True]


def test_an_inbox_loses_nothing_when_its_reader_gives_up():
    async def exchange() -> int:
        inbox = Inbox()
        waiting = asyncio.ensure_future(inbox.get())
        await asyncio.sleep(0)
        waiting.cancel()
        inbox.put_nowait(1)
        return await inbox.get()

    assert asyncio.run(exchange()) == 1
