"""Starting and stopping, on each server that is supported; what goes wrong ends with one line that says what to do."""

from __future__ import annotations

import contextlib
import signal
import socket
import stat
import subprocess
import sys
import time

import httpx
import psutil
import pytest

from tests.servers.sockets import Socket
from tests.servers.watchfloor import ADMIN, ROOT, Watchfloor, sign_in

DAPHNE = ("-m", "daphne", "-b", "127.0.0.1", "-p", "{port}", "dashboard_site.asgi:application")
RUNSERVER = ("manage.py", "runserver", "--noreload", "{port}")
UVICORN = ("-m", "uvicorn", "--port", "{port}", "--log-level", "warning", "dashboard_site.asgi:application")

HANDSHAKE = (
    "GET /ws/chat/general/ HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\n"
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
COME_BACK = (4012).to_bytes(2)


@pytest.fixture(scope="module")
def seeded(tmp_path_factory):
    """A data directory that `serve` has set up."""
    with Watchfloor(tmp_path_factory.mktemp("seeded")) as server:
        return server.folder


@pytest.mark.parametrize("command", [DAPHNE, RUNSERVER, UVICORN], ids=["daphne", "runserver", "uvicorn"])
def test_other_servers_serve_pages_sockets_and_samples(seeded, command):
    with Watchfloor(seeded, command=command) as server:
        assert httpx.get(f"{server.url}/").status_code == 200
        assert httpx.get(f"{server.url}/static/vendor/htmx.js").status_code == 200
        with Socket(server, "/ws/boards/main/") as page:
            assert page.until_text("beat")
            token = server.source_token("shop")
            server.push(token, "sales", 1)
            server.manage("add_kpi", "sales", "--name", f"Sales {server.port}")
            page.until_text(f"tile-sales-{server.port}")
            server.push(token, "sales", 4711)
            page.until_text("4,711")


def test_a_second_start_is_quick_and_keeps_everything(tmp_path):
    with Watchfloor(tmp_path) as server:
        token = server.user_token(ADMIN)
        server.stop()
        server.start()
        assert server.process
        # Of the processor, since other tests run beside this one.
        assert sum(psutil.Process(server.process.pid).cpu_times()[:2]) < 3
        with Socket(server, "/ws/chat/general/", token=token, json=True) as program:
            program.send({"message": "again"})
            assert program.event("message", message="again")


@pytest.mark.parametrize("number, seconds", [(signal.SIGINT, 3), (signal.SIGTERM, 10)], ids=["Ctrl-C", "kill"])
def test_it_stops_soon_with_a_page_open(tmp_path, number, seconds):
    """At once when somebody waits for it; SIGTERM gives open pages the time to go on elsewhere."""
    with Watchfloor(tmp_path) as server, Socket(server, "/ws/boards/main/") as page:
        page.until_text("beat")
        process = server.process
        assert process
        started = time.monotonic()
        process.send_signal(number)
        process.wait(2 * seconds)
        assert time.monotonic() - started < seconds
        assert "Traceback" not in server.log


def test_pages_at_the_door_of_a_server_that_stops_are_told_to_come_back(tmp_path):
    with Watchfloor(tmp_path) as server:
        doors = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(20)]
        for door in doors:
            door.sendall(HANDSHAKE.format(port=server.port).encode())
        assert server.process
        server.process.send_signal(signal.SIGINT)
        answers = [everything(door) for door in doors]
    for answer in answers:
        assert answer == b"" or (answer.startswith(b"HTTP/1.1 101 ") and COME_BACK in answer)
    assert any(answers)


def everything(door: socket.socket) -> bytes:
    """What comes until the other side hangs up."""
    with door, contextlib.suppress(ConnectionError):
        door.settimeout(10)
        return b"".join(iter(lambda: door.recv(65536), b""))
    return b""


def test_the_first_start_prints_a_password_that_works_once(tmp_path):
    nobody = {"DJANGO_SUPERUSER_USERNAME": "", "DJANGO_SUPERUSER_PASSWORD": ""}
    with Watchfloor(tmp_path, nobody) as server:
        assert server.url in server.log
        words = server.log.replace("'", " ").replace('"', " ").split()
        with server.client() as client:
            assert any(_signs_in(client, word.strip(".,:;")) for word in words if 10 <= len(word) <= 60)
        before = len(server.log)
        server.restart()
        assert "password" not in server.log[before:].lower()


def test_the_secret_key_is_for_its_owner_alone(tmp_path):
    with Watchfloor(tmp_path, {"SECRET_KEY": ""}) as server:
        assert stat.S_IMODE((server.folder / "secret_key").stat().st_mode) == 0o600


def _signs_in(client: httpx.Client, password: str) -> bool:
    try:
        sign_in(client, "admin", password)
    except AssertionError:
        return False
    return True


def last_words(server: Watchfloor) -> list[str]:
    """What `serve` prints when it cannot start."""
    command = [sys.executable, "manage.py", "serve"]
    done = subprocess.run(command, cwd=ROOT, env=server.environment, capture_output=True, text=True, timeout=30)
    assert done.returncode != 0
    return done.stderr.strip().splitlines()


def test_a_taken_port_is_one_line(tmp_path):
    server = Watchfloor(tmp_path)
    with socket.create_server(("127.0.0.1", server.port)):
        (line,) = last_words(server)
    assert str(server.port) in line
    assert "PORT" in line


def test_a_data_directory_that_cannot_be_used_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    unusable = {"DATA_DIR": str(tmp_path / "file" / "data"), "SECRET_KEY": "", "DATABASE_URL": ""}
    (line,) = last_words(Watchfloor(tmp_path, unusable))
    assert "DATA_DIR" in line


@pytest.mark.parametrize(
    "name, value",
    [
        ("PORT", "http"),
        ("DEBUG", "maybe"),
        ("DATABASE_URL", "oracle://x"),
        ("TIME_ZONE", "Mars/Base"),
        ("REDIS_URL", "x"),
    ],
)
def test_a_bad_variable_is_one_line_that_names_it(tmp_path, name, value):
    (line,) = last_words(Watchfloor(tmp_path, {name: value}))
    assert name in line


def test_a_second_server_on_the_same_data_is_refused_with_one_line(tmp_path):
    with Watchfloor(tmp_path):
        (line,) = last_words(Watchfloor(tmp_path))
    assert str(tmp_path) in line or "DATA_DIR" in line


def test_two_servers_on_one_postgres_and_redis_are_one_watchfloor(tmp_path, postgres_url, redis_url):
    shared = {"DATABASE_URL": postgres_url, "REDIS_URL": redis_url}
    with Watchfloor(tmp_path, shared) as one, one.beside() as two:
        token = one.user_token(ADMIN)
        with Socket(one, "/ws/chat/general/") as here, Socket(two, "/ws/chat/general/", token=token) as there:
            here.until_text("beat")
            there.send({"message": "from the other one"})
            here.until_text("from the other one", seconds=2)
            here.until(lambda frame: "online-count" in frame and "2" in frame, seconds=10)
