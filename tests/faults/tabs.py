"""A page that is open at a real server: loaded over HTTP, kept up to date by its socket, come back after a close."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Self

import httpx
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from tests.faults.dom import Page, differences, holes
from tests.servers.watchfloor import Watchfloor

COMES_BACK = {1000, 1001, 1005, 1006, 1011, 1012, 1013, 1014, 4012}
"""`reconnectCodes` of templates/base.html."""
RETRY_S = 0.5


@dataclass
class Received:
    """`at` is on the monotonic clock."""

    text: str
    at: float = field(default_factory=time.monotonic)


@dataclass
class Closed:
    code: int
    at: float = field(default_factory=time.monotonic)


class OpenPage:
    """`frames` is all that came, `closes` how the socket ended, each time that it did."""

    def __init__(self, server: Watchfloor, path: str, client: httpx.Client | None = None) -> None:
        self.server, self.path = server, path
        self.client = client or httpx.Client(base_url=server.url, headers={"Origin": server.url})
        self.frames: list[Received]
        self.closes: list[Closed]
        self._leaving, self._reachable = threading.Event(), threading.Event()
        self._reachable.set()
        self._connection: ClientConnection | None = None
        self._load()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._leaving.set()
        self._reachable.set()
        self.drop()
        self._thread.join(10)

    def fetch(self) -> str | None:
        """The page as it is now; None when there is none for this person."""
        answer = self.client.get(self.path, follow_redirects=False)
        return answer.text if answer.status_code == 200 else None

    def reload(self) -> None:
        """As by the reload button, where there is a page for this person."""
        if self.fetch() is not None:
            self.__exit__()
            self._leaving.clear()
            self._load()

    @property
    def codes(self) -> list[int]:
        return [close.code for close in self.closes]

    @property
    def is_open(self) -> bool:
        return self._connection is not None

    def drop(self) -> None:
        """The connection breaks; the page comes back by itself."""
        if (connection := self._connection) is not None:
            connection.close_socket()

    def go_away(self) -> None:
        """The network is gone, until it `comes_back`."""
        self._reachable.clear()
        self.drop()

    def come_back(self) -> None:
        self._reachable.set()

    def wait_until_live(self, seconds: float = 10) -> None:
        ends = time.monotonic() + seconds
        while not self.frames:
            assert time.monotonic() < ends, f"nothing came on {self.address}; closed with {self.codes}"
            time.sleep(0.02)

    def look(self) -> None:
        while self._applied < len(self.frames):
            self.page.apply(self.frames[self._applied].text)
            self._applied += 1

    def wrong(self) -> list[str]:
        """How the page differs from one that is loaded now."""
        text = self.fetch()
        self.look()
        if text is None:
            return [] if self.codes and not self.is_open else [f"{self.path} is open although nobody may see it"]
        found = differences(self.page, Page(text)) + [f"a hole in {log}" for log in holes(self.page)]
        return [f"{self.path}: {one}" for one in found]

    def _load(self) -> None:
        text = self.fetch()
        assert text is not None, f"{self.path} is not there"
        self.page = Page(text)
        self.frames, self.closes, self._applied = [], [], 0
        (self.address,) = self.page.root.xpath("//main/@*[name()='hx-ws:connect']")
        self._thread = threading.Thread(target=self._stay_connected, daemon=True)
        self._thread.start()

    def _stay_connected(self) -> None:
        while not self._leaving.is_set():
            try:
                code = self._listen()
            except (OSError, InvalidHandshake, EOFError):
                code = 1006
            self._connection = None
            if self._leaving.is_set() or code not in COMES_BACK:
                return
            self._leaving.wait(RETRY_S)
            self._reachable.wait()

    def _listen(self) -> int:
        cookies = "; ".join(f"{name}={value}" for name, value in self.client.cookies.items())
        self._connection = connect(
            self.server.url.replace("http", "ws", 1) + self.address,
            origin=Origin(self.server.url),
            additional_headers={"Cookie": cookies},
            proxy=None,
            max_size=None,
            legacy=True,
        )
        try:
            while True:
                self.frames.append(Received(str(self._connection.recv())))
        except ConnectionClosed as closed:
            self.closes.append(Closed(closed.rcvd.code if closed.rcvd else 1006))
        return self.closes[-1].code
