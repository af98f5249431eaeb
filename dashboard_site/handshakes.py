"""The ordinary handshake: read once, answered in one piece.

uvicorn writes a request that it has parsed out again, for websockets to parse and to answer by header objects. That is
a fifth of what a handshake costs the server, and 4 KiB for as long as the socket is open. So what every browser sends
is recognised here; whatever differs goes the long way, and websockets says what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from uvicorn._types import WebSocketScope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from websockets.utils import accept_key

Fields = list[tuple[bytes, bytes]]

MAX_FIELDS = 128
MAX_BYTES = 8000
"""Below what websockets takes in one line, so that it is websockets that refuses."""
UNUSUAL = {b"sec-websocket-protocol", b"content-length", b"transfer-encoding"}
KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")
"""16 bytes in base64 (RFC 6455, section 4.1)."""
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "


def ordinary_key(scope: Mapping[str, Any], url: bytes) -> str:
    """The Sec-WebSocket-Key of a request to upgrade to a WebSocket; "" where there is anything unusual about it."""
    headers: Fields = scope["headers"]
    fields = dict(headers)
    key = fields.get(b"sec-websocket-key", b"")
    is_ordinary = (
        scope["method"] == "GET"
        and scope["http_version"] == "1.1"
        and len(fields) == len(headers) <= MAX_FIELDS  # No field twice: a second Origin or Host is for others to judge.
        and fields.get(b"sec-websocket-version") == b"13"
        and UNUSUAL.isdisjoint(fields)
        and KEY.fullmatch(key)
        and url.isascii()
        and len(url) + sum(map(len, fields.values())) + sum(map(len, fields)) <= MAX_BYTES
    )
    return key.decode() if is_ordinary else ""


def websocket_scope(http: HttpToolsProtocol) -> WebSocketScope:
    """What the application is told of the request that `http` has read, as uvicorn tells it."""
    raw_path, _, query_string = http.url.partition(b"?")
    return {
        "type": "websocket",
        "asgi": {"version": http.asgi_version, "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "wss" if http.scheme == "https" else "ws",
        "server": http.server,
        "client": http.client,
        "root_path": http.root_path,
        "path": http.root_path + unquote(raw_path.decode("ascii")),
        "raw_path": http.root_path.encode("ascii") + raw_path,
        "query_string": query_string,
        "headers": http.headers,
        "subprotocols": [],
        "state": http.app_state.copy(),
        "extensions": {"websocket.http.response": {}},
    }


def answer(key: str, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The response that opens the socket."""
    lines = b"".join(b"%b: %b\r\n" % header for header in headers)
    return b"%b%b\r\n%b\r\n" % (SWITCHING, accept_key(key).encode(), lines)
