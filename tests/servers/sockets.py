"""A WebSocket client as somebody else would write it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, Self

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from tests.servers.watchfloor import Watchfloor

PATIENCE_S = 10.0


class Socket:
    """A page's socket: with a person's cookies like a browser, with a token like a program, or as a guest."""

    def __init__(
        self, server: Watchfloor, path: str, *, client: httpx.Client | None = None, token: str = "", json: bool = False
    ):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if client is not None:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        self._connection = connect(
            server.url.replace("http", "ws", 1) + path,
            origin=None if token else Origin(server.url),
            additional_headers=headers,
            subprotocols=[Subprotocol("json")] if json else None,
            proxy=None,
            max_size=None,
            legacy=True,  # a connection, not a context manager: this class is one
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()

    def send(self, message: Any) -> None:
        """Send text as it is and anything else as JSON."""
        self._connection.send(message if isinstance(message, str | bytes) else json.dumps(message))

    def send_bytes(self, data: bytes) -> None:
        """Send what may be frames, or not."""
        self._connection.socket.sendall(data)

    def until(self, wanted: Callable[[str], bool], seconds: float = PATIENCE_S) -> str:
        """The first frame that is wanted; the others before it are dropped."""
        deadline, seen = time.monotonic() + seconds, []
        while (left := deadline - time.monotonic()) > 0:
            try:
                seen.append(str(self._connection.recv(timeout=left)))
            except TimeoutError:
                break
            if wanted(seen[-1]):
                return seen[-1]
        raise AssertionError(f"not received within {seconds} s; received: {seen!r}")

    def until_text(self, text: str, seconds: float = PATIENCE_S) -> str:
        """The first frame that contains the text."""
        return self.until(lambda frame: text in frame, seconds)

    def event(self, kind: str, seconds: float = PATIENCE_S, **values: Any) -> dict[str, Any]:
        """The first JSON event of this type with these values."""
        return json.loads(self.until(lambda frame: _matches(frame, {"type": kind} | values), seconds))

    def close_code(self, seconds: float = PATIENCE_S) -> int:
        """Read until the server closes; its close code."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                self._connection.recv(timeout=left)
            except TimeoutError:
                break
            except ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else 1006
        raise AssertionError(f"the socket is still open after {seconds} s")


def _matches(frame: str, wanted: dict[str, Any]) -> bool:
    event = json.loads(frame)
    return isinstance(event, dict) and wanted.items() <= event.items()
