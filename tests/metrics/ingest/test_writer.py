from __future__ import annotations

import asyncio
import threading
import time

import pytest
from django.db import DataError, OperationalError

from live import database
from metrics.ingest import writer as writers
from metrics.ingest.calls import Outcome, Taken
from metrics.ingest.writer import Behind, Unfit, Writer
from metrics.series.models import Sample
from metrics.series.storing import Stored
from metrics.sources import lane
from tests.metrics.series.arranging import T0, reading

pytestmark = pytest.mark.django_db(transaction=True)


class Shelf:
    """A store in memory: `batches` are the values of each transaction."""

    def __init__(self):
        self.batches = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.error = None

    def __call__(self, readings, ended, before_commit):
        self.entered.set()
        self.gate.wait(10)
        values = [item.value for item in readings]
        if self.error:
            raise self.error
        if any(value < 0 for value in values):
            raise DataError("negative")
        before_commit()
        self.batches.append(values)
        return Stored(touched=frozenset({1}), new=len(values))


@pytest.fixture
def shelf():
    shelf = Shelf()
    yield shelf
    shelf.gate.set()


@pytest.fixture
def told():
    return []


@pytest.fixture
async def writer(shelf, told):
    writer = Writer(told.append, store=shelf)
    yield writer
    shelf.gate.set()
    await writer.stop()


def numbers(*values):
    return Taken([reading(1, value=float(value)) for value in values])


async def until(condition):
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to pass within 5 s")


async def hold(shelf, writer, *values):
    """A request whose transaction stands still until `shelf.gate` opens."""
    shelf.gate.clear()
    task = asyncio.create_task(writer.write(numbers(*values)))
    await until(shelf.entered.is_set)
    return task


async def test_what_was_written_is_in_the_database_when_write_returns(shop):
    told = []
    writer = Writer(told.append)
    await writer.write(Taken([reading(shop.pk, value=42.0)]))
    assert [sample.value async for sample in Sample.objects.all()] == [42.0]
    await until(lambda: told)
    assert (told[0].new, writer.stored) == (1, 1)
    await writer.stop()


async def test_requests_that_wait_share_a_transaction_in_their_order(shelf, writer):
    first = await hold(shelf, writer, 1)
    others = [asyncio.create_task(writer.write(numbers(n, n + 0.5))) for n in (2, 3, 4)]
    await asyncio.sleep(0.05)
    assert not any(task.done() for task in (first, *others)), "nobody is answered before the commit"
    shelf.gate.set()
    await asyncio.gather(first, *others)
    assert shelf.batches == [[1], [2, 2.5, 3, 3.5, 4, 4.5]]


@pytest.mark.parametrize("sizes, batches", [((2, 3), [5]), ((2, 4), [2, 4]), ((9, 1), [5, 5]), ((1, 9), [1, 5, 4])])
async def test_a_transaction_has_a_limit_and_a_longer_request_takes_several(shelf, writer, monkeypatch, sizes, batches):
    monkeypatch.setattr(writers, "BATCH", 5)
    first = await hold(shelf, writer, 0)
    others = [asyncio.create_task(writer.write(numbers(*range(size)))) for size in sizes]
    await asyncio.sleep(0.02)
    shelf.gate.set()
    await asyncio.gather(first, *others)
    assert [len(batch) for batch in shelf.batches[1:]] == batches


async def test_a_lone_request_does_not_wait_for_others(shelf, writer):
    await writer.write(numbers(1))
    started = time.perf_counter()
    await writer.write(numbers(2))
    assert time.perf_counter() - started < 0.1


async def test_a_request_that_the_database_refuses_does_not_fail_its_neighbours(shelf, writer):
    first = await hold(shelf, writer, 1)
    good, bad, also_good = (asyncio.create_task(writer.write(numbers(n))) for n in (2, -1, 3))
    await asyncio.sleep(0.02)
    shelf.gate.set()
    await asyncio.gather(first, good, also_good)
    with pytest.raises(Unfit):
        await bad
    assert shelf.batches == [[1], [2], [3]]


async def test_a_database_that_does_not_answer_is_said_to_all_and_once_in_the_log(shelf, writer, caplog):
    caplog.set_level("INFO", "metrics.ingest.writer")
    shelf.error = OperationalError("gone")
    for _ in range(3):
        with pytest.raises(Behind):
            await writer.write(numbers(1))
    shelf.error = None
    await writer.write(numbers(2))
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert shelf.batches == [[2]]


async def test_the_queue_is_bounded_in_samples(shelf, writer, monkeypatch):
    monkeypatch.setattr(writers, "QUEUE", 10)
    first = await hold(shelf, writer, 1)
    last = asyncio.create_task(writer.write(numbers(*range(9))))
    await asyncio.sleep(0.02)
    assert writer.waiting == 10
    with pytest.raises(Behind):
        await writer.write(numbers(2))
    shelf.gate.set()
    await asyncio.gather(first, last)
    await writer.write(numbers(3))
    assert shelf.batches[-1] == [3]


async def test_a_request_is_taken_however_large_while_nothing_waits(shelf, writer, monkeypatch):
    monkeypatch.setattr(writers, "QUEUE", 10)
    await writer.write(numbers(*range(25)))
    assert writer.stored == 25


async def test_it_says_how_long_the_oldest_waits(shelf, writer):
    assert writer.behind_s == 0
    first = await hold(shelf, writer, 1)
    await asyncio.sleep(0.1)
    assert 0.1 <= writer.behind_s < 2
    shelf.gate.set()
    await first
    await until(lambda: writer.behind_s == 0)


@pytest.fixture
def hasty(monkeypatch):
    """Nobody waits longer than a tenth of a second."""
    monkeypatch.setattr(database, "TIMEOUT_S", 0.1)
    monkeypatch.setattr(lane, "COMMIT_S", 0.1)


async def test_what_was_answered_with_behind_is_never_stored(shelf, writer, hasty):
    first = await hold(shelf, writer, 1)
    with pytest.raises(Behind):
        await first
    shelf.gate.set()
    await until(lambda: writer.behind_s == 0)
    await writer.write(numbers(2))
    assert shelf.batches == [[2]]


async def test_while_a_thread_hangs_others_are_sent_away_and_no_second_thread_is_taken(shelf, told, hasty):
    writer = Writer(told.append, store=shelf, patience_s=0.2)
    first = await hold(shelf, writer, 1)
    second = asyncio.create_task(writer.write(numbers(2)))
    for task in (first, second):
        with pytest.raises(Behind):
            await asyncio.wait_for(task, 3)
    with pytest.raises(Behind):
        await writer.write(numbers(3))
    assert writer._lane.busy
    shelf.gate.set()
    await until(lambda: writer.behind_s == 0)
    await writer.write(numbers(4))
    assert shelf.batches == [[4]]
    await writer.stop()


async def test_a_sender_that_gave_up_does_not_disturb_the_others(shelf, writer):
    first = await hold(shelf, writer, 1)
    gone, stays = (asyncio.create_task(writer.write(numbers(n))) for n in (2, 3))
    await asyncio.sleep(0.02)
    gone.cancel()
    shelf.gate.set()
    await asyncio.gather(first, stays)
    assert 3 in shelf.batches[-1]


async def test_each_request_is_told_what_became_of_its_own(told):
    def full(readings, ended, before_commit):
        before_commit()
        new = [item.identity for item in readings if item.identity.metric == "new"]
        old = [item for item in readings if item.identity.metric != "new"]
        return Stored(
            touched=frozenset({1}),
            new=1,
            duplicates=len(old) - 1,
            refused=frozenset(new),
            rows=[(1, old[0].ts)],
            ids={old[0].identity: 1},
        )

    writer = Writer(told.append, store=full)
    mixed = [reading(1), reading(1, metric="new")]
    results = await asyncio.gather(*(writer.write(Taken(one)) for one in (mixed, [mixed[1]] * 2, mixed[:1])))
    refused = mixed[1].identity
    assert results == [Outcome(1, 0, 1, 0, refused), Outcome(0, 0, 2, 0, refused), Outcome(0, 1)]
    assert (writer.stored, writer.duplicates, writer.refused) == (1, 1, 3)
    await writer.stop()


async def test_ended_series_are_handed_over_with_the_last_share(shop):
    seen = []

    def keep(readings, ended, before_commit):
        before_commit()
        seen.append((len(readings), list(ended)))
        return Stored(new=len(readings))

    writer = Writer(lambda _stored: None, store=keep)
    ended = [(reading(1).identity, T0)]
    await writer.write(Taken(list(numbers(*range(writers.BATCH + 1)).readings), ended))
    await writer.write(Taken(ended=ended))
    assert seen == [(writers.BATCH, []), (1, ended), (0, ended)]
    await writer.stop()


async def test_a_long_request_is_answered_when_all_of_it_is_stored(shelf, writer, monkeypatch):
    monkeypatch.setattr(writers, "BATCH", 10)
    outcome = await writer.write(numbers(*range(25)))
    assert outcome == Outcome(25)
    assert [len(batch) for batch in shelf.batches] == [10, 10, 5]


async def test_a_long_request_that_fails_in_the_middle_is_told_so_and_costs_no_more(shelf, writer, monkeypatch):
    monkeypatch.setattr(writers, "BATCH", 2)
    with pytest.raises(Unfit):
        await writer.write(numbers(1, 2, -1, 3, 4, 5))
    await writer.write(numbers(6))
    assert shelf.batches == [[1, 2], [6]]


async def test_duplicates_are_counted_and_answered_as_stored(shop, told):
    writer = Writer(told.append)
    for _ in range(2):
        await writer.write(Taken([reading(shop.pk, T0)]))
    assert (writer.stored, writer.duplicates) == (1, 1)
    await writer.stop()
    assert len(told) == 1


async def test_a_listener_that_fails_does_not_stop_the_writer(shelf):
    def listen(_stored):
        raise RuntimeError

    writer = Writer(listen, store=shelf)
    for value in (1, 2):
        await writer.write(numbers(value))
    await writer.stop()
    assert shelf.batches == [[1], [2]]


async def test_the_answer_does_not_wait_for_the_listener(shelf):
    heard = threading.Event()
    writer = Writer(lambda _stored: heard.wait(5), store=shelf)
    await asyncio.wait_for(writer.write(numbers(1)), 2)
    assert not heard.is_set()
    heard.set()
    await writer.stop()


async def test_stopping_writes_what_waits_and_refuses_what_comes(shelf, writer):
    first = await hold(shelf, writer, 1)
    second = asyncio.create_task(writer.write(numbers(2)))
    await asyncio.sleep(0.02)
    stopping = asyncio.create_task(writer.stop())
    await asyncio.sleep(0.02)
    with pytest.raises(Behind):
        await writer.write(numbers(3))
    shelf.gate.set()
    await asyncio.gather(first, second, stopping)
    assert shelf.batches == [[1], [2]]
    writer.start()
    await writer.write(numbers(4))
    assert shelf.batches[-1] == [4]


async def test_stopping_does_not_wait_for_ever(shelf, told, monkeypatch):
    monkeypatch.setattr(writers, "STOP_S", 0.1)
    writer = Writer(told.append, store=shelf)
    first = await hold(shelf, writer, 1)
    second = asyncio.create_task(writer.write(numbers(2)))
    await asyncio.sleep(0.02)
    await asyncio.wait_for(writer.stop(), 2)
    for task in (first, second):
        with pytest.raises(Behind):
            await task
    shelf.gate.set()
    await asyncio.sleep(0.1)
    assert shelf.batches == []


async def test_a_stream_of_requests_loses_nothing(shop):
    writer = Writer(lambda _stored: None)
    await asyncio.gather(
        *(
            writer.write(Taken([reading(shop.pk, T0 + n, n), reading(shop.pk, T0 + n, n, metric="b")]))
            for n in range(300)
        )
    )
    await writer.stop()
    assert await Sample.objects.acount() == 600
