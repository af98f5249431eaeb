"""The network between a browser and a server, which can be cut without either end being told."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Self

from tests.servers.processes import free_port


class Cable:
    """Passes on every connection to `port`. While it is cut nothing arrives and nobody can connect.

    Mended, it ends the connections that were open: the machine has another address by now.
    """

    def __init__(self, port: int) -> None:
        self.port, self._beyond = free_port(), port
        self.url = f"http://127.0.0.1:{self.port}"
        self._whole = threading.Event()
        self._listener: socket.socket | None = None
        self._ends: set[socket.socket] = set()

    def __enter__(self) -> Self:
        self.mend()
        return self

    def __exit__(self, *error: object) -> None:
        self.cut()
        self._end_all()
        self._whole.set()

    def cut(self) -> None:
        self._whole.clear()
        if self._listener is not None:
            with contextlib.suppress(OSError):  # Not connected; yet it wakes the thread that accepts.
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()

    def mend(self) -> None:
        self._end_all()
        self._whole.set()
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", self._beyond))
                self._ends |= {near, far}
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                self._whole.wait()
                other.sendall(data)
        for end in (one, other):
            end.close()
            self._ends.discard(end)

    def _end_all(self) -> None:
        for end in list(self._ends):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._ends.clear()
