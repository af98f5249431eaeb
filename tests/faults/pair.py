"""Two serving processes on one database and one Redis, which can be stopped and started again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers.processes import free_port
from tests.servers.redis import redis_process
from tests.servers.watchfloor import Watchfloor

NO_LIMITS = {"LIMIT_CHAT": "0", "LIMIT_LOGINS": "0", "LIMIT_SOCKET_MESSAGES": "0"}


class Redis:
    """On one port for as long as the test runs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self._running = contextlib.ExitStack()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self._running.enter_context(redis_process(self.folder, self.port))

    def stop(self) -> None:
        self._running.close()


@dataclass
class Pair:
    servers: tuple[Watchfloor, Watchfloor]
    redis: Redis


@contextlib.contextmanager
def pair(folder: Path, database: str, environment: dict[str, str] | None = None) -> Iterator[Pair]:
    redis = Redis(folder)
    redis.start()
    given = NO_LIMITS | (environment or {}) | {"DATABASE_URL": database, "REDIS_URL": redis.url}
    try:
        with Watchfloor(folder, given) as first:
            second = first.beside()
            second.environment |= given
            with second:
                yield Pair((first, second), redis)
    finally:
        redis.stop()
