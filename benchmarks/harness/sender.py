"""A sender as a process of its own: four connections, each with 250 series, that send and wait for the answer.

    WATCHFLOOR_TOKEN=… python -m benchmarks.harness.sender PORT FORMAT RATE WARM_UP_S SECONDS

RATE is in samples a second; 0: the next request goes as soon as the last one was answered. Up to 5,000 a second a
request has each series once, above that it is as large as senders of the format make it. What is answered 503 is
counted and sent again. Every sample's value is the time at which its request was made (CLOCK_MONOTONIC, ms).

It prints "warm" after the warm-up, and at the end what came since as JSON; see Sent.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.harness.batches import FORMATS, SERIES, SHARDS, Format

SLOW = 5_000
OVERLOAD = 503
TIMEOUT_S = 60


class Refused(Exception):
    """An answer that is neither a success nor an overload."""


@dataclass(slots=True)
class Sent:
    """`samples` were answered with a success, `overloads` counts requests that were answered 503.

    `stamps` are (shard, value) of each request, `answered_ms` how long its answer took, overloads included.
    """

    samples: int = 0
    overloads: int = 0
    stamps: list[tuple[int, int]] = field(default_factory=list)
    answered_ms: list[float] = field(default_factory=list)
    cpu_s: float = 0.0

    def add(self, other: Sent) -> None:
        self.samples += other.samples
        self.overloads += other.overloads
        self.stamps += other.stamps
        self.answered_ms += other.answered_ms


class Shard(threading.Thread):
    """One connection. `sent` is what was sent since it was last replaced; what ended the thread is kept in `error`."""

    def __init__(self, number: int, port: int, format: Format, rate: int, began: float) -> None:
        super().__init__(daemon=True)
        self.sent = Sent()
        self.error: Exception | None = None
        self.ends = threading.Event()
        times = 1 if 0 < rate <= SLOW else format.times
        self._samples = times * SERIES
        self._period = self._samples * SHARDS / rate if rate else 0.0
        self._number, self._format, self._times = number, format, times
        self._due = began + number * self._period / SHARDS
        self._body = format.bodies(number, times)
        self._last = _epoch_ms() - times
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)

    def run(self) -> None:
        try:
            while not self.ends.wait(max(0.0, self._due - time.monotonic())):
                self._send()
                self._due += self._period
        except (OSError, http.client.HTTPException, Refused) as error:
            self.error = error

    def _send(self) -> None:
        at, stamp = self._moments(), round(time.monotonic() * 1000)
        body = self._body(at, stamp)
        started = time.monotonic()
        overloads = 0
        while (pause := self._post(body)) and not self.ends.wait(pause):
            overloads += 1
        took = (time.monotonic() - started) * 1000
        self.sent.add(Sent(0 if pause else self._samples, overloads, [(self._number, stamp)], [took]))

    def _moments(self) -> Sequence[int]:
        """The times of the next request: evenly since the last one, each later than the one before."""
        first, self._last = self._last, max(_epoch_ms(), self._last + self._times)
        return [first + (self._last - first) * (n + 1) // self._times for n in range(self._times)]

    def _post(self, body: bytes) -> float:
        """0 when the server has it, or how many seconds later to come again."""
        headers = {"Authorization": f"Bearer {os.environ['WATCHFLOOR_TOKEN']}", **self._format.headers}
        self._connection.request("POST", self._format.path, body, headers)
        answer = self._connection.getresponse()
        said = answer.read()
        if answer.status == OVERLOAD:
            return float(answer.getheader("Retry-After", "1"))
        if answer.status >= 300:
            raise Refused(f"{answer.status} {said[:200]!r}")
        return 0.0


def main(port: int, format: str, rate: int, warm_up_s: float, seconds: float) -> None:
    began = time.monotonic()
    shards = [Shard(number, port, FORMATS[format], rate, began) for number in range(SHARDS)]
    for shard in shards:
        shard.start()
    time.sleep(warm_up_s)
    for shard in shards:
        shard.sent = Sent()
    cpu = time.process_time()
    print("warm", flush=True)
    time.sleep(seconds)
    total = Sent(cpu_s=time.process_time() - cpu)
    for shard in shards:
        total.add(shard.sent)
    print(json.dumps(asdict(total)), flush=True)
    for shard in shards:
        shard.ends.set()
        shard.join(TIMEOUT_S)
    if errors := [shard.error for shard in shards if shard.error]:
        raise SystemExit(f"{format}: {errors[0]}")


def _epoch_ms() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), float(sys.argv[5]))
