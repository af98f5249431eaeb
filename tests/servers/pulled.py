"""A small HTTP server that answers as a test says: what Watchfloor fetches, well or badly."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple


class Asked(NamedTuple):
    path: str
    headers: dict[str, str]


class Pulled:
    """Answers `documents` by path, as JSON unless they are bytes; a function is called first, and may hang.

    `asked` are the requests so far.
    """

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.asked: list[Asked] = []
        self.documents: dict[str, Any] = {}
        self.statuses: dict[str, int] = {}
        self.headers: dict[str, dict[str, str]] = {}


@contextmanager
def pulled_server(*, certificate: Path | None = None, key: Path | None = None) -> Iterator[Pulled]:
    """With a certificate it speaks TLS, although its `url` says http."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    # A handler that hangs must not keep the test from ending.
    server.block_on_close = False
    server.pulled = Pulled(server.server_address[1])  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.pulled  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        pulled: Pulled = self.server.pulled  # type: ignore[attr-defined]
        pulled.asked.append(Asked(self.path, {name.lower(): value for name, value in self.headers.items()}))
        path = self.path.partition("?")[0]
        found = pulled.documents.get(path)
        document = found() if callable(found) else found
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(pulled.statuses.get(path, 200 if path in pulled.documents else 404))
        for name, value in pulled.headers.get(path, {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass
