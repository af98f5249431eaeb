"""deploy/nginx.conf, run: two processes behind one address."""

from __future__ import annotations

import contextlib
import http.server
import socket
import subprocess
import threading
import time
from collections.abc import Iterator

import httpx
import psutil
import pytest

from tests.faults.crowd import SMALL_BUFFER, until
from tests.faults.measuring import peers, report
from tests.faults.stack import BOARD, socket_of
from tests.faults.wire import Address
from tests.faults.writing import Writer
from tests.servers.nginx import arguments, nginx_server, program

ROOM = "/chat/matrix/"


def test_the_configuration_is_valid(stack):
    done = subprocess.run([program(), "-t", *arguments(stack.folder)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr, done.stderr


def test_pages_posts_and_sockets_go_through_to_both_processes(stack, crowd):
    page = stack.page(ROOM)
    crowd.invite([socket_of(page, stack.nginx.port)] * 20)
    crowd.gather(crowd.members)
    assert all(peers(app) for app in stack.apps[:2]), "one process got nothing"
    heard: list[bytes] = []
    crowd.members[-1].hear = lambda text, at: heard.append(text)
    writer = Writer(stack.nginx.port, "matrix", stack.people[0])
    writer.say("through-nginx")
    until(lambda: any(b"through-nginx" in text for text in heard), 3, "what was posted came back")


def test_samples_are_taken(stack):
    stack.push(41)


def test_static_files_come_from_the_disk_and_else_from_the_processes(stack):
    folder = stack.folder / "static/css"
    folder.mkdir(parents=True)
    (folder / "app.0123456789ab.css").write_text("/* hashed */")
    (folder / "app.css").write_text("/* plain */")
    with httpx.Client(base_url=stack.url) as client:
        hashed, plain = client.get("/static/css/app.0123456789ab.css"), client.get("/static/css/app.css")
        assert (hashed.text, plain.text) == ("/* hashed */", "/* plain */")
        assert "immutable" in hashed.headers["Cache-Control"]
        assert "immutable" not in plain.headers.get("Cache-Control", "")
        assert hashed.headers["X-Content-Type-Options"] == plain.headers["X-Content-Type-Options"] == "nosniff"
        assert client.get("/static/vendor/htmx.js").status_code == 200
        assert client.get("/static/no-such-file.css").status_code == 404
        assert client.get("/static/../serve.lock").status_code == 404


def test_the_figures_of_a_process_are_not_for_everybody(stack):
    assert httpx.get(f"{stack.url}/metrics").status_code == 404
    assert "watchfloor_sockets" in httpx.get(f"{stack.apps[0].url}/metrics").text


def test_the_log_holds_no_query_strings(stack):
    canary = f"canary{time.monotonic_ns()}"
    httpx.get(f"{stack.url}{BOARD}", params={"token": canary})
    httpx.get(f"{stack.url}/after-the-canary")
    access = stack.folder / "watchfloor-access.log"
    until(lambda: "/after-the-canary" in access.read_text(), 10, "nginx has written its log")
    assert canary not in access.read_text() + stack.apps[0].log + stack.apps[1].log


class Echo(http.server.BaseHTTPRequestHandler):
    """Answers with the headers of the request."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(str(self.headers).lower().encode())

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def echo(tmp_path) -> Iterator[str]:
    """The address of an nginx whose processes answer with what they were told."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo) as upstream:
        threading.Thread(target=upstream.serve_forever, daemon=True).start()
        with nginx_server(tmp_path, [upstream.server_port] * 2, tmp_path) as port:
            yield f"http://127.0.0.1:{port}"
        upstream.shutdown()


def test_what_a_client_says_about_itself_is_overwritten(echo):
    lies = {"X-Forwarded-For": "10.9.8.7", "X-Forwarded-Proto": "https", "X_Forwarded_For": "10.9.8.6"}
    told = httpx.get(echo, headers=lies).text
    assert "x-forwarded-for: 127.0.0.1\n" in told
    assert "x-forwarded-proto: http\n" in told
    assert f"host: {echo.removeprefix('http://')}\n" in told, "the port is missing, and every Origin would be foreign"
    assert "10.9.8" not in told


@pytest.mark.parametrize(
    "request_, status",
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nCookie: a=" + b"x" * 20_000 + b"\r\n\r\n", 400),
        (b"GET /?" + b"x" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
    ],
    ids=["a cookie of 20 KB", "an address of 20 KB", "a body of 2 MB", "two hosts"],
)
def test_what_is_too_large_or_broken_is_refused_at_once(stack, request_, status):
    with socket.create_connection(("127.0.0.1", stack.nginx.port), 3) as plug:
        plug.sendall(request_)
        assert plug.recv(12).endswith(str(status).encode())


@pytest.mark.full_form
def test_a_slow_header_is_not_waited_for(stack):
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", stack.nginx.port), 10) as plug:
        plug.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert plug.recv(1000)[:12] in (b"", b"HTTP/1.1 408")
    assert 4 < time.monotonic() - started < 7


@pytest.mark.full_form
def test_who_does_not_read_is_gone_within_twenty_seconds(stack, crowd):
    addresses = [Address(stack.nginx.port, "/ws/chat/matrix/?lang=en")] * 10
    crowd.gather(crowd.invite(addresses, receive_buffer=SMALL_BUFFER))
    for member in crowd.members:
        member.stop_reading()
    stopped = time.monotonic()
    ports = {member.local_port for member in crowd.members}
    with contextlib.ExitStack() as exits:
        for person in stack.people[:5]:
            exits.enter_context(Writer(stack.nginx.port, "matrix", person, rate=10, size=1900))
        until(lambda: not ports & connected_to(stack.nginx.port), 20, "all are gone", look_every_s=0.25)
    report("slow consumers behind nginx", gone_s=time.monotonic() - stopped)


def connected_to(port: int) -> set[int]:
    """The ports of those whose connection to this port lives on its side."""
    held = (one for one in psutil.net_connections("tcp") if one.laddr.port == port and one.raddr)
    return {one.raddr.port for one in held if one.status == psutil.CONN_ESTABLISHED}
