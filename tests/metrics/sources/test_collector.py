from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from datetime import timedelta
from itertools import pairwise

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError
from django.db.models import F

from live import database
from metrics.series.models import Rollup, Sample
from metrics.series.readings import Identity, Reading
from metrics.series.rollups import catch_up
from metrics.sources import collector as collectors
from metrics.sources import lease
from metrics.sources.collector import Collector
from metrics.sources.lease import LeaseLost
from metrics.sources.models import Lease, Source
from tests.metrics.kpis.arranging import a_series

pytestmark = pytest.mark.django_db(transaction=True)


class FakeHost:
    """A machine with one figure."""

    primed = 0
    slow: threading.Event | None = None

    def prime(self):
        self.primed += 1

    def readings(self, source, now):
        if self.slow:
            self.slow.wait(10)
        return [Reading(Identity(source, "host.cpu"), now, 50.0, "%", "gauge")]


@pytest.fixture
def told():
    return []


@pytest.fixture
def make(told):
    return lambda name="first", host=None: Collector(told.append, name, host=host or FakeHost())


@pytest.fixture
def clock(monkeypatch):
    """Epoch ms, which the test moves."""
    now = [1_795_154_400_300]
    monkeypatch.setattr(collectors, "now_ms", lambda: now[0])
    return now


async def tick(collector, clock, times=1):
    for _ in range(times):
        clock[0] += 1_000
        await collector.tick()


count = sync_to_async(lambda model: model.objects.count())


async def test_the_first_tick_takes_the_lease_and_primes_so_that_no_false_zero_is_stored(make, clock):
    host = FakeHost()
    collector = make(host=host)
    await tick(collector, clock)
    assert (collector.generation, host.primed, await count(Sample)) == (1, 1, 0)


async def test_every_further_tick_stores_the_machines_figures_on_the_second(make, clock, told):
    collector = make()
    await tick(collector, clock, 4)
    times = await sync_to_async(lambda: list(Sample.objects.values_list("ts", flat=True)))()
    assert [ts % 60_000 for ts in times] == [2_000, 3_000, 4_000]
    assert (len(told), collector.stored) == (3, 3)
    source = await sync_to_async(Source.objects.get)(name="host")
    assert (source.name, source.kind) == ("host", Source.Kind.HOST)


async def test_of_two_processes_one_samples(make, clock):
    first, second = make("first"), make("second")
    for _ in range(4):
        await tick(first, clock)
        await second.tick()
    assert (first.generation, second.generation) == (1, None)
    assert await count(Sample) == 3


async def test_who_was_stopped_and_resumed_writes_nothing(make, clock):
    first, second = make("first"), make("second")
    await tick(first, clock, 2)
    await sync_to_async(Lease.objects.update)(expires_at=F("expires_at") - timedelta(seconds=16))
    await tick(second, clock)
    with pytest.raises(LeaseLost):
        await tick(first, clock)
    assert await count(Sample) == 1


async def test_who_lost_the_lease_waits_for_it_again(make, clock):
    first = make("first")
    await tick(first, clock)
    await sync_to_async(Lease.objects.update)(generation=7)
    await first._tick_safely()
    assert first.generation is None
    await sync_to_async(Lease.objects.update)(expires_at=F("expires_at") - timedelta(seconds=16))
    await tick(first, clock)
    assert first.generation == 8


async def test_it_rolls_up_every_two_seconds(make, clock, monkeypatch):
    monotonic = [1_000.0]
    monkeypatch.setattr(collectors, "monotonic", lambda: monotonic[0])
    rounds = []
    monkeypatch.setattr(collectors, "catch_up", lambda: rounds.append(monotonic[0]) or catch_up())
    collector = make()
    for _ in range(9):
        await tick(collector, clock)
        monotonic[0] += 1.0
    assert [b - a for a, b in pairwise(rounds)] == [2.0] * 3
    assert await count(Rollup) > 0


async def test_it_rolls_up_and_forgets_in_small_pieces_until_nothing_is_left(make, clock, monkeypatch):
    pieces = {"roll-up": [True, True, False], "expire": [True, True, False]}
    monkeypatch.setattr(collectors, "catch_up", lambda: pieces["roll-up"].pop(0))
    monkeypatch.setattr(collectors, "expire", lambda now: pieces["expire"].pop(0))
    await tick(make(), clock, 2)
    assert pieces == {"roll-up": [], "expire": []}


@pytest.mark.parametrize("work, at_once", [("catch_up", 8), ("expire", 5)])
async def test_what_there_is_no_time_for_in_a_tick_goes_on_in_the_next(make, clock, monkeypatch, work, at_once):
    monotonic, steps = [1_000.0], []

    def step(*_now):
        monotonic[0] += 0.1001
        steps.append(monotonic[0])
        return len(steps) < 10

    monkeypatch.setattr(collectors, "monotonic", lambda: monotonic[0])
    monkeypatch.setattr(collectors, work, step)
    collector = make()
    await tick(collector, clock, 2)
    assert len(steps) == at_once
    await tick(collector, clock, 3)
    assert len(steps) == 10


async def test_it_forgets_what_is_too_old(make, clock):
    recent = clock[0]
    series = await sync_to_async(a_series)("orders", [1.0], until=recent)
    days = {"n": 1, "sum": 1, "min": 1, "max": 1, "first": 1, "last": 1, "inc": 0}
    for t in (recent, recent - 3 * 86_400_000):
        await Rollup.objects.acreate(series=series, res=10, t=t, last_ts=t, **days)
    await tick(make(), clock, 2)
    kept = await sync_to_async(list)(Rollup.objects.filter(series=series).values_list("t", flat=True))
    assert kept == [recent]


async def test_nothing_is_told_of_what_was_not_stored(make, clock, told, monkeypatch):
    collector = make()
    await tick(collector, clock)
    await sync_to_async(Lease.objects.update)(generation=7)
    with contextlib.suppress(LeaseLost):
        await tick(collector, clock)
    assert told == []


async def test_a_database_that_fails_is_said_once_and_once_that_it_works(make, monkeypatch, caplog):
    caplog.set_level("INFO", "metrics.sources.collector")
    monkeypatch.setattr(collectors, "BACK_OFF_S", 0)
    collector = make()
    with monkeypatch.context() as broken:
        broken.setattr(lease, "take", lambda _name: (_ for _ in ()).throw(OperationalError("gone")))
        for _ in range(3):
            await collector._tick_safely()
    await collector._tick_safely()
    words = [record.getMessage() for record in caplog.records]
    assert [("cannot work" in word, "works again" in word) for word in words if "is the collector" not in word] == [
        (True, False),
        (False, True),
    ]


async def test_it_runs_by_itself_and_lets_go_when_stopped(make):
    first, second = make("first"), make("second")
    first.start()
    first.start()
    await asyncio.sleep(2.3)
    await first.stop()
    assert await count(Sample) in (1, 2, 3)
    await second.tick()
    assert second.generation == 2
    await first.stop()


async def test_a_tick_that_hangs_makes_the_next_fall_out_and_stores_nothing_late(make, monkeypatch):
    monkeypatch.setattr(database, "TIMEOUT_S", 0.3)
    monkeypatch.setattr(collectors, "BACK_OFF_S", 0.01)
    host = FakeHost()
    collector = make(host=host)
    await collector.tick()
    host.slow = threading.Event()
    with pytest.raises(TimeoutError):
        await collector.tick()
    collector.start()
    await asyncio.sleep(1.2)
    host.slow.set()
    assert await collector._lane.idle(2)
    await collector.stop()
    assert await count(Sample) == 0


async def test_the_loop_is_free_while_the_machine_is_read(make):
    host = FakeHost()
    collector = make(host=host)
    await collector.tick()
    host.slow = threading.Event()
    task = asyncio.create_task(collector.tick())
    started = time.perf_counter()
    await asyncio.sleep(0.05)
    assert time.perf_counter() - started < 0.5
    host.slow.set()
    await task
