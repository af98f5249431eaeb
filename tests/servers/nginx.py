"""A real nginx with the configuration that we ship, deploy/nginx.conf; only places and ports are the test's own."""

from __future__ import annotations

import contextlib
import shutil
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.repository import ROOT
from tests.servers.processes import AS_ROOT, NotInstalled, free_port, running

CONFIGURATION = ROOT / "deploy/nginx.conf"


@contextlib.contextmanager
def nginx_server(folder: Path, upstreams: Sequence[int], data: Path) -> Iterator[int]:
    """The port of an nginx in front of the two processes on these ports, which share the data directory."""
    port = free_port()
    (folder / "nginx.conf").write_text(adapted(port, upstreams, folder, data))
    with running([program(), *arguments(folder)], log=folder / "nginx.log", probe=lambda: _connect(port)):
        yield port


def arguments(folder: Path) -> list[str]:
    return ["-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log"), "-g", "daemon off;"]


def adapted(port: int, upstreams: Sequence[int], folder: Path, data: Path) -> str:
    """The configuration with the test's places; fails when one of them is no longer in it."""
    text = CONFIGURATION.read_text()
    places = {
        "listen 80 ": f"listen 127.0.0.1:{port} ",
        "127.0.0.1:8001": f"127.0.0.1:{upstreams[0]}",
        "127.0.0.1:8002": f"127.0.0.1:{upstreams[1]}",
        "flush=5s": "flush=1s",
        "/run/nginx.pid": str(folder / "nginx.pid"),
        "/var/log/nginx/": f"{folder}/",
        "root /var/lib/watchfloor;": f"root {data};",
        # Root's tests work in a folder that nobody else may enter.
        "user www-data;": "user root;" if AS_ROOT else "",
    }
    for ours, theirs in places.items():
        assert ours in text, f"{CONFIGURATION} no longer holds {ours!r}"
        text = text.replace(ours, theirs)
    return text


def program() -> str:
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if not found:
        raise NotInstalled("No nginx: install it (Debian: apt-get install nginx).")
    return found


def _connect(port: int) -> None:
    socket.create_connection(("127.0.0.1", port), 1).close()
