"""`manage.py serve`: set up what is missing, then serve pages, sockets and the collector."""

from __future__ import annotations

import contextlib
import socket
from argparse import SUPPRESS, ArgumentParser
from collections.abc import Iterator
from typing import IO, Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from dashboard_site.asgi import application
from dashboard_site.first_admin import make_first_admin
from dashboard_site.listening import listening
from dashboard_site.memory import return_blocks
from dashboard_site.runtime import MACHINE, runtime
from dashboard_site.server import Server, configuration
from dashboard_site.workers import Workers, worker_command


class Command(BaseCommand):
    help = "Migrate, make the first admin, and serve at http://HOST:PORT/."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("address", nargs="?", default="", help="HOST:PORT or PORT; default: $HOST:$PORT")
        parser.add_argument("--workers", type=int, default=1, help="processes that share the port; needs REDIS_URL")
        parser.add_argument("--worker", type=int, help=SUPPRESS)

    def handle(self, *args: Any, address: str, workers: int, worker: int | None, **options: Any) -> None:
        host, port = read_address(address)
        if worker is not None:
            with listening(host, port, shared=True) as listener:
                serve(listener, f"{MACHINE}:{port}/{worker}")
        elif workers == 1:
            with listening(host, port) as listener, alone():
                self._set_up(host, port)
                serve(listener, f"{MACHINE}:{port}")
        else:
            check_workers(workers)
            with listening(host, port):
                self._set_up(host, port)
            Workers(worker_command(f"{host}:{port}"), workers).run()

    def _set_up(self, host: str, port: int) -> None:
        try:
            if needs_migration():
                call_command("migrate", verbosity=0)
            if (login := make_first_admin()) is not None:
                name, password = login
                self.stdout.write(f"First admin: {name}   password: {password}   (shown once; sign in and change it)")
        except DatabaseError as error:
            raise CommandError(
                f"The database cannot be used: {str(error).strip()}. Check DATABASE_URL and DATA_DIR."
            ) from None
        self.stdout.write(f"Watchfloor: http://{host}:{port}/  (Ctrl-C stops it)")
        self.stdout.flush()


def serve(listener: socket.socket, label: str) -> None:
    """Serve until a signal says otherwise. `label` names this process on its own figures."""
    runtime.label = label
    return_blocks()
    with contextlib.suppress(KeyboardInterrupt):
        Server(configuration(application), runtime.drain).run(sockets=[listener])


def check_workers(count: int) -> None:
    if count < 1:
        raise CommandError(f"--workers {count}: expected 1 or more.")
    if not settings.REDIS_URL:
        raise CommandError(f"--workers {count} needs REDIS_URL: without Redis the processes could not tell each other.")


def read_address(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not address:
        return settings.HOST, settings.PORT
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise CommandError(f"{address!r}: expected HOST:PORT or PORT, such as 127.0.0.1:8001.")
    return host.strip("[]") or settings.HOST, int(port)


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
        raise CommandError(
            f"DATA_DIR={settings.DATA_DIR} cannot be used ({error.strerror}): make it writable."
        ) from None
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
