"""Whatever is sent to a socket, its consumer lives on or says why it ends, and the log stays clean."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
from collections.abc import Iterator

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from tests.faults.garbage import broken_frame, garbage
from tests.faults.pair import NO_LIMITS
from tests.faults.sizes import sized
from tests.servers.watchfloor import Watchfloor

INPUTS = sized(1_500, 20_000)
BROKEN = sized(100, 2_000)
SOCKETS = 6
IN_A_ROW = 7
"""Bad inputs between two good ones; the tenth in a row would end the socket."""
ANSWERED_WITHIN_S = 10.0
MISBEHAVED = {4008}
PROTOCOL = {1002, 1006, 1007, 1009}
"""How a server ends a connection whose bytes are no WebSocket frames. 1006: we closed, or it waits for more."""


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Watchfloor]:
    with Watchfloor(tmp_path_factory.mktemp("fuzz"), NO_LIMITS) as server:
        yield server


@pytest.fixture(scope="module")
def token(server) -> str:
    return server.user_token("alice")


def open_room(server: Watchfloor, token: str, *, as_json: bool = True) -> connect:
    return connect(
        server.url.replace("http", "ws", 1) + "/ws/chat/general/",
        additional_headers={"Authorization": f"Bearer {token}"},
        subprotocols=[Subprotocol("json")] if as_json else None,
        proxy=None,
        max_size=None,
    )


async def test_no_input_kills_a_consumer(server, token):
    before = len(server.log)
    shares = [INPUTS // SOCKETS] * SOCKETS
    await asyncio.gather(*(torment(server, token, number, share) for number, share in enumerate(shares)))
    assert_clean(server.log[before:])


async def torment(server: Watchfloor, token: str, seed: int, count: int) -> None:
    """Send so many bad inputs, with good ones between them that have to be answered."""
    chance = random.Random(seed)
    async with open_room(server, token, as_json=seed % 2 == 0) as socket:
        for number in range(0, count, IN_A_ROW):
            for _ in range(IN_A_ROW):
                await send(socket, garbage(chance))
            await answers(socket, f"good {seed}-{number}")


async def send(socket: ClientConnection, bad: str | bytes) -> None:
    """The library refuses to encode a lone surrogate; what reaches the server are its bytes."""
    if isinstance(bad, str):
        bad = bad.encode("utf-8", "replace").decode()
    await socket.send(bad)


async def answers(socket: ClientConnection, word: str) -> None:
    await socket.send(json.dumps({"message": word}))
    async with asyncio.timeout(ANSWERED_WITHIN_S):
        while word not in str(await socket.recv()):
            pass


async def test_bytes_that_are_no_frames_end_one_connection_and_nothing_else(server, token):
    before = len(server.log)
    chance = random.Random(1)
    async with open_room(server, token) as healthy:
        for start in range(0, BROKEN, 20):
            codes = await asyncio.gather(*(breaks(server, token, chance) for _ in range(20)))
            assert set(codes) <= PROTOCOL | MISBEHAVED | {1000, 1005}
            await answers(healthy, f"untouched {start}")
    assert_clean(server.log[before:])


async def breaks(server: Watchfloor, token: str, chance: random.Random) -> int:
    """The close code after a few broken frames."""
    async with open_room(server, token) as socket:
        with contextlib.suppress(ConnectionClosed, TimeoutError):
            for _ in range(3):
                socket.transport.write(broken_frame(chance))
            async with asyncio.timeout(0.3):
                while True:
                    await socket.recv()
        await socket.close()
        return socket.close_code or 1006


async def test_pages_of_guests_take_nothing_and_live_on(server):
    """The sockets that take no messages at all."""
    before = len(server.log)
    chance = random.Random(2)
    for path, _ in itertools.product(["/ws/boards/main/", "/ws/online/", "/ws/notifications/"], range(sized(3, 30))):
        address = server.url.replace("http", "ws", 1) + path
        async with connect(address, origin=Origin(server.url), proxy=None, max_size=None) as socket:
            for _ in range(IN_A_ROW):
                await send(socket, garbage(chance))
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                while 'hx-target="#toasts"' not in str(await socket.recv()):
                    pass
    assert_clean(server.log[before:])


def assert_clean(log: str) -> None:
    for word in ("Traceback", "ERROR", "Exception"):
        assert word not in log, log[log.index(word) - 200 :][:3000]
