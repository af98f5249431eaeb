"""What is logged while a part of ours is away: a line in ten seconds, not a traceback a second."""

from __future__ import annotations

import logging
import time

from django.db import InterfaceError, OperationalError
from redis.exceptions import RedisError

AWAY = (OperationalError, InterfaceError, RedisError, OSError, TimeoutError)
"""That somebody does not answer is said by the error itself; where it was noticed does not help anybody."""
QUIET_S = 10.0


class WithoutStorms(logging.Filter):
    """The same complaint of the same logger passes once in 10 s, and says how many it stands for."""

    def __init__(self) -> None:
        super().__init__()
        self._passed: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        self._shorten(record)
        key, now = (record.name, record.msg), time.monotonic()
        at, dropped = self._passed.get(key, (-QUIET_S, 0))
        if now - at < QUIET_S:
            self._passed[key] = at, dropped + 1
            return False
        self._passed[key] = now, 0
        if dropped:
            record.msg = f"{record.getMessage()} (and {dropped} more like it)".replace("%", "%%")
            record.args = ()
        return True

    def _shorten(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        if isinstance(error, AWAY):
            words = str(error).strip().splitlines() or [""]
            record.msg = f"{record.getMessage()} {type(error).__name__}: {words[0]}".replace("%", "%%")
            record.args, record.exc_info, record.exc_text = (), None, None
