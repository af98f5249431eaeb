"""`manage.py serve`: set up what is missing, then serve pages, sockets and the collector in one process."""

from __future__ import annotations

import contextlib
import socket
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import IO, Any

import uvicorn
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from dashboard_site.asgi import application, runtime
from dashboard_site.first_admin import make_first_admin
from dashboard_site.protocols import HttpProtocol, WebSocketProtocol
from dashboard_site.runtime import MACHINE

BACKLOG = 2048
DRAIN_S = 2
MESSAGE_BYTES = 64 * 1024


class Command(BaseCommand):
    help = "Migrate, make the first admin, and serve at http://HOST:PORT/."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("address", nargs="?", default="", help="HOST:PORT or PORT; default: $HOST:$PORT")

    def handle(self, *args: Any, address: str = "", **options: Any) -> None:
        host, port = read_address(address)
        with listening(host, port) as listener, alone():
            self._set_up()
            self.stdout.write(f"Watchfloor: http://{host}:{port}/  (Ctrl-C stops it)")
            with contextlib.suppress(KeyboardInterrupt):
                uvicorn.Server(configuration(f"{MACHINE}:{port}")).run(sockets=[listener])

    def _set_up(self) -> None:
        try:
            if needs_migration():
                call_command("migrate", verbosity=0)
            if (login := make_first_admin()) is not None:
                name, password = login
                self.stdout.write(f"First admin: {name}   password: {password}   (shown once; sign in and change it)")
        except DatabaseError as error:
            raise CommandError(f"The database cannot be used: {str(error).strip()}. Check DATABASE_URL and DATA_DIR.")


def read_address(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not address:
        return settings.HOST, settings.PORT
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise CommandError(f"{address!r}: expected HOST:PORT or PORT, such as 127.0.0.1:8001.")
    return host or settings.HOST, int(port)


@contextlib.contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """The listening socket, bound before anything else is done."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise CommandError(
            f"Cannot listen on {host}:{port} ({error.strerror or error}): stop the program that does, "
            f"or choose another port, such as PORT={port % 65535 + 1}."
        ) from None
    with listener:
        yield listener


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Without Redis two processes cannot tell each other what changed, so a second one is refused."""
    if settings.REDIS_URL:
        yield
        return
    try:
        settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
        lock = (settings.DATA_DIR / "serve.lock").open("a")
    except OSError as error:
        raise CommandError(f"DATA_DIR={settings.DATA_DIR} cannot be used ({error.strerror}): make it writable.") from None
    with lock:
        take(lock)
        yield


def take(lock: IO[str]) -> None:
    try:
        import fcntl
    except ImportError:  # Windows has no flock; there the taken port is the only guard.
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise CommandError(
            f"Watchfloor already serves from DATA_DIR={settings.DATA_DIR}: stop it first, "
            "or set REDIS_URL to run several processes."
        ) from None


def needs_migration() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def configuration(label: str) -> uvicorn.Config:
    runtime.label = label
    return uvicorn.Config(
        application,
        http=HttpProtocol,
        ws=WebSocketProtocol,
        lifespan="on",
        # Without access log: its lines carry query strings.
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        proxy_headers=bool(settings.TRUSTED_PROXIES),
        forwarded_allow_ips=settings.TRUSTED_PROXIES,
        ws_max_size=MESSAGE_BYTES,
        ws_per_message_deflate=False,
        ws_ping_interval=8.0,
        ws_ping_timeout=8.0,
        backlog=BACKLOG,
        timeout_graceful_shutdown=DRAIN_S,
    )
