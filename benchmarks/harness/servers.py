"""The contenders as processes: started on a free port, told to publish, stopped at the end."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from benchmarks.contenders.orders import filled
from tests.servers.processes import free_port, stop, wait_until_ready

ROOT = Path(__file__).resolve().parents[2]
NCHAN = Path(os.environ.get("NCHAN_MODULE", "/usr/lib/nginx/modules/ngx_nchan_module.so"))
UNLIMITED = ("SOCKETS", "SOCKETS_PER_ADDRESS", "SOCKETS_PER_USER", "HANDSHAKES", "SOCKET_MESSAGES", "CHAT", "LOGINS")


class Server:
    """A process that pushes to all sockets at `path` when it is told to. In `command`, {port} stands for the port."""

    def __init__(self, name: str, command: list[str], folder: Path, environment: Mapping[str, str], path: str) -> None:
        self.name = name
        self.path = path
        self.port = free_port()
        self.environment = os.environ | environment
        self._command = [word.format(port=self.port) for word in command]
        self._log = folder / f"{self.port}.log"

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, env=self.environment, stdin=subprocess.PIPE, stdout=log, stderr=log
            )
        wait_until_ready(self._process, self._log, self._probe)
        return self

    def __exit__(self, *error: object) -> None:
        stop(self._process)

    @property
    def pid(self) -> int:
        return self._process.pid

    def publish(self, order: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(f"publish {order}\n".encode())
        self._process.stdin.flush()

    def _probe(self) -> None:
        socket.create_connection(("127.0.0.1", self.port), 1).close()


class Nchan(Server):
    """nginx with the nchan module takes orders by HTTP."""

    def publish(self, order: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request("POST", "/publish", filled(int(order)))
        connection.getresponse().read()
        connection.close()


def wall(folder: Path, redis: str, *, daphne: bool = False) -> Server:
    """Watchfloor with the wall, on a database of its own in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = {
        "DATA_DIR": str(folder),
        "DATABASE_URL": "",
        "REDIS_URL": redis,
        "DJANGO_SETTINGS_MODULE": "benchmarks.contenders.wall.settings",
        **{f"LIMIT_{name}": "0" for name in UNLIMITED},
    }
    ours = _serve("benchmarks.contenders.wall.asgi")
    command = _daphne("benchmarks.contenders.wall.asgi") if daphne else ours
    server = Server("Watchfloor on daphne" if daphne else "Watchfloor", command, folder, environment, "/ws/wall/")
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=server.environment, check=True)
    return server


def auth_stack(beside: Server, folder: Path) -> Server:
    """Channels' own way to a signed-in socket, on Watchfloor's server and on the same database.

    At /ws/open/ the same without a session.
    """
    command = _serve("benchmarks.contenders.auth_stack")
    return Server("AuthMiddlewareStack", command, folder, beside.environment, "/ws/")


def tutorial(folder: Path, redis: str) -> Server:
    command = _daphne("benchmarks.contenders.tutorial")
    return Server("tutorial: a group of consumers, daphne", command, folder, {"REDIS_URL": redis}, "/ws/")


def bare(folder: Path) -> Server:
    """uvicorn as it comes, without compression."""
    return Server("bare uvicorn, ready text", _uvicorn("benchmarks.contenders.bare"), folder, {}, "/ws/")


def nchan(folder: Path) -> Server | None:
    """None where nginx or its module is not installed."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None or not NCHAN.exists():
        return None
    command = [program, "-p", str(folder), "-c", str(folder / "nchan.conf")]
    server = Nchan("nginx with nchan", command, folder, {}, "/ws/")
    template = (ROOT / "benchmarks/contenders/nchan.conf").read_text()
    (folder / "nchan.conf").write_text(template.replace("MODULE", str(NCHAN)).replace("PORT", str(server.port)))
    return server


def sign_in(server: Server, count: int) -> list[str]:
    """A Cookie header for each of so many new people of Watchfloor."""
    command = [sys.executable, "-m", "benchmarks.contenders.wall.people", str(count)]
    return subprocess.run(
        command, cwd=ROOT, env=server.environment, check=True, capture_output=True, text=True
    ).stdout.splitlines()


def _serve(module: str) -> list[str]:
    return [sys.executable, "-m", "benchmarks.contenders.serve", module, "{port}"]


def _uvicorn(module: str) -> list[str]:
    options = ["--ws-per-message-deflate", "false", "--log-level", "warning", "--lifespan", "off"]
    return [sys.executable, "-m", "uvicorn", f"{module}:application", "--port", "{port}", *options]


def _daphne(module: str) -> list[str]:
    # Its own backlog of 50 would make a storm wait for the kernel's retries.
    endpoint = "tcp:port={port}:interface=127.0.0.1:backlog=2048"
    return [sys.executable, "-m", "daphne", "-v", "0", "-e", endpoint, f"{module}:application"]
