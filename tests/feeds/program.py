"""A program that sends JSON as a careful one does: each batch again and again, until it is told that it is stored."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from typing import Any, Self

import httpx

from live.clock import now_ms
from tests.feeds.kept import Samples, key_of
from tests.servers.watchfloor import Watchfloor

RETRY_S = 0.2
PATIENCE_S = 90.0
LINES = ("north", "south", "east")
TOKENS = """
from metrics.sources.models import Source
from metrics.sources.tokens import make_source_token
for name in {names}:
    print(make_source_token(Source.objects.ensure(name, "push")))
"""


def tokens(server: Watchfloor, *names: str) -> list[str]:
    """A token of each source, all by one start of Django."""
    return server.shell(TOKENS.format(names=names)).split()


class Program(threading.Thread):
    """`rate` batches a second until told to stop. Use it as a context manager.

    `stored` is what it was told is stored; `answers` counts statuses, 0 where there was none.
    """

    def __init__(self, url: str, token: str, *, rate: float = 20, metric: str = "pieces") -> None:
        super().__init__(daemon=True)
        self.stored: Samples = defaultdict(dict)
        self.answers: Counter[int] = Counter()
        self.longest_s = 0.0
        self._metric, self._pause_s = metric, 1 / rate
        self._client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=10)
        self._stopping = threading.Event()
        self._latest = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    def end(self) -> None:
        """Returns when what it sent last is stored."""
        self._stopping.set()
        self.join(PATIENCE_S + 10)
        assert not self.is_alive(), "the program waits for ever"
        self._client.close()

    @property
    def batches(self) -> int:
        return self.answers[204]

    def run(self) -> None:
        number = 0
        while not self._stopping.wait(self._pause_s):
            number += 1
            self._latest = max(now_ms(), self._latest + 1)
            # It counts, and begins anew now and then: increases are corrected for that.
            batch = [self._sample(line, number % (40 + index)) for index, line in enumerate(LINES)]
            self._send(batch)
            for one in batch:
                self.stored[key_of(self._metric, one["labels"])][self._latest] = float(one["value"])

    def _sample(self, line: str, value: int) -> dict[str, Any]:
        return {"metric": self._metric, "value": value, "ts": self._latest / 1000, "labels": {"line": line}}

    def _send(self, batch: list[dict[str, Any]]) -> None:
        gives_up = time.monotonic() + PATIENCE_S
        while (status := self._post(batch)) != 204:
            assert status in (0, 503), f"told {status}"
            assert time.monotonic() < gives_up, f"not stored within {PATIENCE_S} s: {self.answers}"
            time.sleep(RETRY_S)

    def _post(self, batch: list[dict[str, Any]]) -> int:
        started = time.monotonic()
        try:
            status = self._client.post("/api/samples", json=batch).status_code
        except httpx.TransportError:
            status = 0
        self.answers[status] += 1
        self.longest_s = max(self.longest_s, time.monotonic() - started)
        return status
