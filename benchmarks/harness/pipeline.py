"""What decoding, storing, announcing and rolling up cost by themselves, one after the other in this process.

    DATABASE_URL=… python -m benchmarks.harness.pipeline FORMAT SAMPLES

The times of the samples are those of 20,000 a second, and every two of these seconds all is rolled up, as the collector
does it. It prints a Cost for each part as JSON; "parser" is what the format's parser alone takes for the same bodies.
The database must be migrated.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard_site.settings")

import django

django.setup()

from benchmarks.harness.batches import FORMATS, SERIES, SHARDS, Format
from live.clock import now_ms
from metrics.boards.changes import announce
from metrics.ingest.calls import Call, Endpoint, Sender
from metrics.ingest.endpoints import ENDPOINTS
from metrics.ingest.writer import BATCH
from metrics.series.horizons import raw_retention_ms
from metrics.series.rollups import catch_up
from metrics.series.storing import store
from metrics.sources.models import Source

RATE = 20_000
APART_MS = 1000 * SHARDS * SERIES // RATE
ROLL_UP_EVERY_MS = 2_000
WARM_UP_MS = 2_000
SPARE_MS = 60_000


@dataclass(slots=True)
class Cost:
    """Seconds, in all: of CPU and by the clock. `longest_s` is the longest single call."""

    cpu_s: float = 0.0
    wall_s: float = 0.0
    longest_s: float = 0.0

    @contextmanager
    def noted(self) -> Iterator[None]:
        cpu, wall = time.process_time(), time.perf_counter()
        yield
        took = time.perf_counter() - wall
        self.cpu_s += time.process_time() - cpu
        self.wall_s += took
        self.longest_s = max(self.longest_s, took)


class Pipeline:
    """Takes what a format's senders send; `costs` by part."""

    def __init__(self, format: Format) -> None:
        self.costs: defaultdict[str, Cost] = defaultdict(Cost)
        self._format = format
        self._endpoint = _endpoint(format.path)
        source = Source.objects.ensure("shop", Source.Kind.PUSH)
        self._sender = Sender(source.pk, source.name)
        self._bodies = [format.bodies(shard, format.times) for shard in range(SHARDS)]
        self._together = max(1, min(SHARDS, BATCH // format.samples))

    def run(self, start: int, end: int) -> int:
        """Take all samples of this stretch of time (epoch ms); how many there were."""
        taken, rolled_up = 0, start
        step = APART_MS * self._format.times
        for begin in range(start, end, step):
            moments = range(begin, begin + step, APART_MS)
            for first in range(0, SHARDS, self._together):
                taken += self._take(range(first, min(first + self._together, SHARDS)), moments)
            if begin + step - rolled_up >= ROLL_UP_EVERY_MS:
                rolled_up = begin + step
                self._roll_up()
        self._roll_up()
        return taken

    def _take(self, shards: Sequence[int], moments: Sequence[int]) -> int:
        readings = []
        for shard in shards:
            body = self._bodies[shard](moments, moments[0] % 1_000_000)
            with self.costs["parser"].noted():
                self._format.parse(body)
            call = self._call(body)
            with self.costs["decode"].noted():
                readings += self._endpoint.take(call).readings
        with self.costs["store"].noted():
            stored = store(readings)
        with self.costs["announce"].noted():
            announce(stored)
        return stored.new

    def _roll_up(self) -> None:
        more = True
        while more:
            with self.costs["roll-up"].noted():
                more = catch_up()

    def _call(self, body: bytes) -> Call:
        now, headers = now_ms(), {name.lower(): value for name, value in self._format.headers.items()}
        return Call("POST", self._format.path, {}, headers, body, self._sender, now, now - raw_retention_ms())


def _endpoint(path: str) -> Endpoint:
    return next(one for one in ENDPOINTS if one.paths.fullmatch(path) and "POST" in one.methods)


def main(format: str, samples: int) -> None:
    pipeline = Pipeline(FORMATS[format])
    length = samples * 1000 // RATE
    start = (now_ms() - length - SPARE_MS) // 1000 * 1000
    pipeline.run(start, start + WARM_UP_MS)
    pipeline.costs.clear()
    # As the server does once it has started.
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 100)
    taken = pipeline.run(start + WARM_UP_MS, start + length)
    print(json.dumps({"samples": taken} | {part: asdict(cost) for part, cost in pipeline.costs.items()}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
