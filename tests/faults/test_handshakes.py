"""Handshakes, right and wrong: each is answered as docs/wire.md says, within 10 s, and none costs a traceback."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.faults.wire import CLOSE, Address, Incoming
from tests.servers.watchfloor import Watchfloor

ROOM = "/ws/chat/general/"
ANSWERED_S = 10.0
SLOW_S = (4.0, 7.0)
CLOSED_ROOM = (
    "from live.chat.models import Room; from live.chat.verbs import save_room\n"
    "save_room(Room(slug='closed', name='Closed', access='groups'))\n"
    "from django.contrib.auth.models import User; from live.accounts.tokens import make_personal_token\n"
    "print(make_personal_token(User.objects.create_user('bob')))"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Watchfloor]:
    with Watchfloor(tmp_path_factory.mktemp("handshakes")) as server:
        yield server
        assert "Traceback" not in server.log


@pytest.fixture(scope="module")
def token(server) -> str:
    """Bob's, who is in no group."""
    return server.shell(CLOSED_ROOM).splitlines()[-1]


def request(port: int, path: str = ROOM, **headers: str | list[str] | None) -> bytes:
    """A handshake; None leaves a header out, a list sends it more than once."""
    plain = Address(port, path).handshake().decode("latin-1").split("\r\n")[1:-2]
    fields: dict[str, list[str]] = {name: [value] for name, _, value in (line.partition(": ") for line in plain)}
    for name, value in headers.items():
        fields[name] = [] if value is None else [value] if isinstance(value, str) else value
    lines = [f"{name}: {value}" for name, values in fields.items() for value in values]
    return "\r\n".join([f"GET {path} HTTP/1.1", *lines, "", ""]).encode("latin-1")


class Answer:
    """What came back until the server closed, or until a socket that was let in had its first message.

    `status` is 0 when nothing came; `code` is the close code of a socket that was accepted.
    """

    def __init__(self, port: int, send: Callable[[socket.socket], None]) -> None:
        self.status, self.code, self.messages = 0, 0, 0
        started = time.monotonic()
        with socket.create_connection(("127.0.0.1", port), ANSWERED_S) as plug:
            threading.Thread(target=send, args=[plug], daemon=True).start()
            self._read(plug)
        self.took = time.monotonic() - started

    def _read(self, plug: socket.socket) -> None:
        head, rest = b"", b""
        try:
            while b"\r\n\r\n" not in head and (data := plug.recv(65536)):
                head += data
            head, _, rest = head.partition(b"\r\n\r\n")
            self.status = int(head[9:12] or 0)
            if self.status == 101:
                self._frames(plug, rest)
        except ConnectionError:
            return

    def _frames(self, plug: socket.socket, data: bytes) -> None:
        incoming = Incoming()
        while True:
            for opcode, payload in incoming.frames(data):
                if opcode == CLOSE:
                    self.code = int.from_bytes(payload[:2])
                    return
                self.messages += 1
                if b"room-" in payload:
                    return
            if not (data := plug.recv(65536)):
                return


def ask(port: int, data: bytes) -> Answer:
    return Answer(port, lambda plug: plug.sendall(data))


def slowly(data: bytes) -> Callable[[socket.socket], None]:
    def send(plug: socket.socket) -> None:
        try:
            for byte in data:
                plug.sendall(bytes([byte]))
                time.sleep(1)
        except OSError:
            return

    return send


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_page_of_ours_is_let_in(server, host):
    place = f"{host}:{server.port}"
    answer = ask(server.port, request(server.port, Host=place, Origin=f"http://{place}"))
    assert (answer.status, answer.code) == (101, 0)
    assert answer.messages
    assert answer.took < 2


FOREIGN = {
    "wrong": "https://elsewhere.example",
    "null": "null",
    "empty": "",
    "missing": None,
    "double": ["http://127.0.0.1:{port}", "http://127.0.0.1:{port}"],
    "foreign beside ours": ["http://127.0.0.1:{port}", "https://elsewhere.example"],
    "other port": "http://127.0.0.1:1",
    "no port": "http://127.0.0.1",
    "other scheme": "https://127.0.0.1:{port}",
    "other name of ours": "http://localhost:{port}",
    "with a path": "http://127.0.0.1:{port}/",
    "with a user": "http://me@127.0.0.1:{port}",
    "IPv6 junk": "http://[::1:{port}",
    "IPv6 zone": "http://[fe80::1%25eth0]:{port}",
    "port junk": "http://127.0.0.1:http",
    "port too high": "http://127.0.0.1:99999",
    "not ASCII": "http://127.0.0.1\xe9:{port}",
}


@pytest.mark.parametrize("origin", FOREIGN.values(), ids=FOREIGN.keys())
def test_a_foreign_or_malformed_origin_is_refused(server, origin):
    told = [one.format(port=server.port) for one in origin] if isinstance(origin, list) else origin
    answer = ask(
        server.port, request(server.port, Origin=told.format(port=server.port) if isinstance(told, str) else told)
    )
    assert answer.status == 403
    assert answer.took < 2


@pytest.mark.parametrize("host", ["elsewhere.example", "", "[::1", "127.0.0.1:80:80", "127.0.0.1.elsewhere.example"])
def test_a_wrong_host_is_refused(server, host):
    answer = ask(server.port, request(server.port, Host=host, Origin=f"http://{host}"))
    assert answer.status in (400, 403)


@pytest.mark.parametrize("hosts", [None, ["127.0.0.1", "127.0.0.1"]], ids=["none", "two"])
def test_no_host_or_two_are_refused(server, hosts):
    assert ask(server.port, request(server.port, Host=hosts)).status in (400, 403)


def test_a_program_needs_no_origin_but_a_token(server, token):
    answer = ask(server.port, request(server.port, Origin=None, Authorization=f"Bearer {token}"))
    assert (answer.status, answer.code) == (101, 0)
    answer = ask(server.port, request(server.port, Origin=None, Authorization="Bearer wfp_nonsense"))
    assert (answer.status, answer.code) == (101, 4401)


LARGE = {
    "a cookie of 20 KB": {"Cookie": "a=" + "x" * 20_000},
    "a cookie of 9 KB": {"Cookie": "a=" + "x" * 9_000},
    "500 headers": {f"X-Header-{number}": "x" for number in range(500)},
    "a path of 100 KB": {"path": ROOM + "?" + "x" * 100_000},
}


@pytest.mark.parametrize("large", LARGE.values(), ids=LARGE.keys())
def test_what_is_too_large_is_told_so_at_once(server, large):
    answer = ask(server.port, request(server.port, **large))
    assert answer.status in (400, 414, 431)
    assert answer.took < 2


@pytest.mark.parametrize(
    "path", ["/ws/nowhere/", "/ws/chat/no-such-room/", "/ws/", "/", "/ws/chat/%00/", "/ws/chat/\xe9/"]
)
def test_a_page_that_is_not_there_is_accepted_and_told_so(server, path):
    answer = ask(server.port, request(server.port, path))
    assert (answer.status, answer.code) in [(101, 4404), *([(400, 0), (404, 0)] if not path.isascii() else [])]


def test_a_page_that_is_not_for_them_is_accepted_and_told_so(server, token):
    guest = ask(server.port, request(server.port, "/ws/chat/closed/"))
    assert (guest.status, guest.code) == (101, 4401)
    outsider = ask(server.port, request(server.port, "/ws/chat/closed/", Origin=None, Authorization=f"Bearer {token}"))
    assert (outsider.status, outsider.code) == (101, 4403)


SLOW = {
    "one byte a second": slowly(b"GET /ws/chat/general/ HTTP/1.1\r\n"),
    "silent": lambda plug: None,
    "half a header": lambda plug: plug.sendall(b"GET /ws/chat/general/ HTTP/1.1\r\nHost: 127.0.0.1\r\n"),
}


def test_who_is_slow_is_not_waited_for(server):
    """At once, since each takes its time."""
    answers: dict[str, Answer] = {}
    threads = [
        threading.Thread(target=lambda name=name, send=send: answers.update({name: Answer(server.port, send)}))
        for name, send in SLOW.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(ANSWERED_S)
    assert answers.keys() == SLOW.keys(), "not answered in time"
    for name, answer in answers.items():
        assert SLOW_S[0] < answer.took < SLOW_S[1], f"{name}: {answer.took:.1f} s"


JUNK = {
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a wrong version": re.sub(rb"Version: 13", b"Version: 7", request(1)),
    "no key": re.sub(rb"Sec-WebSocket-Key: .*?\r\n", b"", request(1)),
    "a broken key": re.sub(rb"Sec-WebSocket-Key: .*?\r\n", b"Sec-WebSocket-Key: x\r\n", request(1)),
    "a POST": b"POST" + request(1)[3:],
}


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK.keys())
def test_junk_is_refused(server, junk):
    answer = ask(server.port, junk)
    assert answer.status == 0 or 400 <= answer.status < 500
    assert answer.took < ANSWERED_S
