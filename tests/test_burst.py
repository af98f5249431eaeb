"""A burst, and a reader that stands still: everybody else receives everything, and the server keeps its size."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import pytest

from benchmarks.harness.processes import resident_kib
from tests.servers.sockets import Socket
from tests.servers.watchfloor import Watchfloor

ROOM = "/ws/chat/general/"
READERS = 8
BURST = 300
LONG = "x" * 1900
LONG_ONES = 120
MOST_GROWTH_KIB = 1024
ROUNDS = 5
UPGRADE = (
    f"GET {ROOM} HTTP/1.1\r\nHost: 127.0.0.1:{{port}}\r\nOrigin: http://127.0.0.1:{{port}}\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Watchfloor]:
    unlimited = {"LIMIT_CHAT": "0", "LIMIT_SOCKET_MESSAGES": "0"}
    with Watchfloor(tmp_path_factory.mktemp("burst"), unlimited) as server:
        yield server


@pytest.fixture(scope="module")
def token(server) -> str:
    return server.user_token("alice")


def say(server: Watchfloor, token: str, texts: list[str]) -> None:
    """Send them all without a pause; returns when the last is on the page."""
    with Socket(server, ROOM, token=token, json=True) as program:
        for text in texts:
            program.send({"message": text})
        program.event("message", seconds=60, message=texts[-1])


@contextlib.contextmanager
def readers(server: Watchfloor, last: str) -> Iterator[list[list[str]]]:
    """Programs that read all the while; on leaving, what each was told until the last text came."""
    heard: list[list[str]] = []
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(READERS) as threads:
        sockets = [stack.enter_context(Socket(server, f"{ROOM}?format=json")) for _ in range(READERS)]
        for one in sockets:
            one.event("online_count")
        reading = [threads.submit(listen, one, last) for one in sockets]
        yield heard
        heard += [one.result(60) for one in reading]


def listen(reader: Socket, last: str) -> list[str]:
    heard: list[str] = []
    while last not in heard:
        event = reader.event("message", seconds=60)
        heard += [event["message"]] if event["kind"] == "message" else []
    return heard


@contextlib.contextmanager
def somebody_who_does_not_read(server: Watchfloor) -> Iterator[None]:
    with socket.socket() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.connect(("127.0.0.1", server.port))
        peer.sendall(UPGRADE.format(port=server.port).encode())
        assert b" 101 " in peer.recv(64)
        yield


def test_a_burst_of_three_hundred_messages_loses_none(server, token):
    texts = [f"burst {number}" for number in range(BURST)]
    with readers(server, texts[-1]) as heard:
        say(server, token, texts)
    assert heard == [texts] * READERS


def test_a_reader_that_stands_still_costs_nobody_anything(server, token):
    """The server's growth in a round with it, less that in a round without it: caches fill up for a minute, too."""
    size_after(server, token, f"before {{}} {LONG}")
    alone, beside = [], []
    for number in range(ROUNDS):
        alone.append(growth(server, token, f"alone {number} {{}} {LONG}"))
        with somebody_who_does_not_read(server):
            beside.append(growth(server, token, f"beside {number} {{}} {LONG}"))
    grown = median(beside) - median(alone)
    assert grown <= MOST_GROWTH_KIB, f"the server grew by {grown} KiB: {alone} alone, {beside} beside"


def growth(server: Watchfloor, token: str, text: str) -> int:
    assert server.process
    before = resident_kib(server.process.pid)
    return size_after(server, token, text) - before


def size_after(server: Watchfloor, token: str, text: str) -> int:
    """KiB of the server when every reader has received all of the long messages."""
    texts = [text.format(number) for number in range(LONG_ONES)]
    with readers(server, texts[-1]) as heard:
        say(server, token, texts)
    assert heard == [texts] * READERS
    assert server.process
    return resident_kib(server.process.pid)
