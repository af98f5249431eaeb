"""The client's side of a WebSocket, on bytes (RFC 6455), as cheap as it can be."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
UNMASKED = b"\0\0\0\0"
"""A masking key of zeros: allowed, and the payload goes as it is."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a socket is opened: a TCP port, what the request line and the headers name."""

    port: int
    path: str
    cookie: str = ""
    token: str = ""
    protocol: str = ""

    def handshake(self, **more: str) -> bytes:
        host = f"127.0.0.1:{self.port}"
        headers = {"Host": host, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
        headers["Sec-WebSocket-Key"] = "d2F0Y2hmbG9vciBjcm93ZA=="
        headers |= {"Authorization": f"Bearer {self.token}"} if self.token else {"Origin": f"http://{host}"}
        headers |= {"Cookie": self.cookie} if self.cookie else {}
        headers |= {"Sec-WebSocket-Protocol": self.protocol} if self.protocol else {}
        lines = [f"GET {self.path} HTTP/1.1", *(f"{name}: {value}" for name, value in (headers | more).items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


def frame(payload: bytes, opcode: int = TEXT, *, last: bool = True) -> bytes:
    """A client's frame."""
    first, size = opcode | 0x80 * last, len(payload)
    if size < 126:
        head = struct.pack("!BB", first, 0x80 | size)
    elif size < 65536:
        head = struct.pack("!BBH", first, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, size)
    return head + UNMASKED + payload


class Incoming:
    """Cuts what a server sends into whole frames. The servers under test never split a message."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def frames(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """(opcode, payload) of each frame that is complete by now."""
        data = self._rest + data if self._rest else data
        at, end = 0, len(data)
        while end - at >= 2:
            start, size = at + 2, data[at + 1] & 0x7F
            if size >= 126:
                wide = 2 if size == 126 else 8
                start += wide
                size = int.from_bytes(data[at + 2 : start]) if start <= end else end
            if start + size > end:
                break
            yield data[at] & 0x0F, data[start : start + size]
            at = start + size
        self._rest = data[at:]
