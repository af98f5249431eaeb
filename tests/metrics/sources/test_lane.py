from __future__ import annotations

import asyncio
import threading
import time

import pytest
from django.db import OperationalError

from live import database
from metrics.sources import lane as lanes
from metrics.sources.lane import CalledOff, Lane

pytestmark = pytest.mark.django_db(transaction=True)  # the pool looks after its connections


@pytest.fixture
def short(monkeypatch):
    """A tenth of a second for work, and a tenth more for its commit."""
    monkeypatch.setattr(database, "TIMEOUT_S", 0.1)
    monkeypatch.setattr(lanes, "COMMIT_S", 0.1)


@pytest.fixture
def gate():
    gate = threading.Event()
    yield gate
    gate.set()


async def test_the_result_comes_back():
    assert await Lane().run(lambda claim: 42) == 42


async def test_an_error_comes_back():
    with pytest.raises(ZeroDivisionError):
        await Lane().run(lambda claim: 1 / 0)


async def test_a_lane_takes_the_next_work_after_an_error():
    lane = Lane()
    with pytest.raises(ZeroDivisionError):
        await lane.run(lambda claim: 1 / 0)
    assert await lane.run(lambda claim: "next") == "next"


async def test_work_that_hangs_stores_nothing_when_it_wakes(short, gate):
    lane, stored, ends = Lane(), [], []

    def work(claim):
        gate.wait(5)
        try:
            claim()
        except CalledOff:
            ends.append("called off")
            raise
        stored.append("late")

    with pytest.raises(TimeoutError):
        await lane.run(work)
    gate.set()
    assert await lane.idle(2)
    assert (stored, ends) == ([], ["called off"])


async def test_a_lane_with_a_hanging_thread_is_busy_and_takes_no_more(short, gate):
    lane = Lane()
    with pytest.raises(TimeoutError):
        await lane.run(lambda claim: gate.wait(5))
    assert lane.busy
    assert not await lane.idle(0.05)
    with pytest.raises(RuntimeError):
        await lane.run(lambda claim: 1)
    gate.set()
    assert await lane.idle(2)
    assert await lane.run(lambda claim: 1) == 1


async def test_a_pool_that_fails_leaves_the_lane_free(monkeypatch):
    def fail(*_args):
        raise OperationalError("no connection")

    lane = Lane()
    with monkeypatch.context() as broken, pytest.raises(OperationalError):
        broken.setattr(database, "close_old_connections", fail)
        await lane.run(lambda claim: 1)
    assert await lane.run(lambda claim: 1) == 1


async def test_a_commit_that_is_slow_is_waited_for(short):
    def work(claim):
        claim()
        time.sleep(0.15)
        return "committed"

    assert await Lane().run(work) == "committed"


async def test_a_commit_that_does_not_answer_is_given_up(short, gate):
    def work(claim):
        claim()
        gate.wait(5)

    with pytest.raises(TimeoutError):
        await Lane().run(work)


async def test_work_that_found_no_thread_in_time_never_runs(short, gate):
    blockers = [Lane() for _ in range(database.THREADS)]
    hanging = [asyncio.create_task(lane.run(lambda claim: gate.wait(5))) for lane in blockers]
    await asyncio.sleep(0.02)
    lane, ran = Lane(), []
    with pytest.raises(TimeoutError):
        await lane.run(lambda claim: ran.append(1))
    assert not lane.busy
    gate.set()
    await asyncio.gather(*hanging, return_exceptions=True)
    await asyncio.sleep(0.05)
    assert ran == []


async def test_work_whose_caller_was_cancelled_stores_nothing(gate):
    lane, stored = Lane(), []

    def work(claim):
        gate.wait(5)
        claim()
        stored.append(1)

    task = asyncio.create_task(lane.run(work))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.set()
    assert await lane.idle(2)
    assert stored == []
