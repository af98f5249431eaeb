"""The collector's sources: each fetched by itself, whatever the others do."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.db import DataError
from django.db.models import F
from django.utils import timezone

from live.clock import now_ms, to_ms
from metrics.ingest.calls import Reason, Taken
from metrics.series.models import Sample, Series
from metrics.series.readings import Identity, Reading
from metrics.sources import attempts, pulling, pulls
from metrics.sources.collector import Collector
from metrics.sources.models import Lease, Pull, Rejection, Source
from metrics.sources.pulling import PullFailed
from metrics.sources.rejections import rejections
from metrics.sources.schedule import is_due
from tests.servers.pulled import pulled_server

pytestmark = pytest.mark.django_db(transaction=True)
DEPTH = [{"metric": "depth", "path": "depth"}]


@pytest.fixture
def page():
    with pulled_server() as page:
        page.documents["/good"] = {"depth": 4}
        yield page


@pytest.fixture
def told():
    return []


@pytest.fixture
async def collector(told):
    """One that has the lease; its clock does not run, so that a test says when sources are looked at."""
    collector = Collector(told.append, "first")
    await collector.tick()
    yield collector
    await collector.pulls.stop()


@sync_to_async
def a_source(name, url, **fields):
    source = Source.objects.create(name=name, kind=Source.Kind.HTTP)
    return Pull.objects.create(source=source, url=url, **{"values": DEPTH, "timeout_s": 1} | fields)


@sync_to_async
def values(name):
    return list(Sample.objects.filter(series__source__name=name).values_list("value", flat=True))


@sync_to_async
def fresh(pull):
    return Pull.objects.select_related("source").get(pk=pull.pk)


async def begin(collector, *, again=False):
    """Look at the sources once; `again` as if all were due."""
    if again:
        await Pull.objects.aupdate(due_at=None)
    await collector.pulls.begin_due()


async def until(condition, seconds=5.0):
    ends = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < ends, "it did not come about"
        await asyncio.sleep(0.02)


async def test_a_source_is_fetched_and_its_state_is_kept_up(collector, page, told):
    pull = await a_source("good", page.url + "/good", interval_s=15)
    await begin(collector)
    await collector.pulls.idle()
    assert await values("good") == [4.0]
    kept = await fresh(pull)
    assert (kept.failures, kept.failing_since, kept.samples) == (0, None, 1)
    assert timezone.now() - kept.succeeded_at < timedelta(seconds=5)
    assert 0 < kept.took_ms < 1_000
    assert 7_000 < to_ms(kept.due_at) - to_ms(kept.succeeded_at) <= 22_500
    assert [one.new for one in told if one.new] == [1]
    assert collector.stored == 1


async def test_what_is_not_due_is_left_alone(collector, page):
    await a_source("good", page.url + "/good")
    await begin(collector)
    await collector.pulls.idle()
    await begin(collector)
    await collector.pulls.idle()
    assert len(page.asked) == 1
    await Pull.objects.aupdate(due_at=None, enabled=False)
    await begin(collector)
    await collector.pulls.idle()
    assert len(page.asked) == 1


async def test_a_failing_source_says_why_and_is_asked_less_and_less_often(collector, page):
    pull = await a_source("bad", page.url + "/nowhere", interval_s=15)
    pauses = []
    for _ in range(3):
        await begin(collector, again=True)
        await collector.pulls.idle()
        kept = await fresh(pull)
        pauses.append((to_ms(kept.due_at) - now_ms()) / 1000)
    assert kept.failures == 3
    assert "404" in kept.source.last_error
    assert kept.source.last_error_at is not None
    assert (kept.succeeded_at, kept.samples) == (None, None)
    for pause, low, high in zip(pauses, (10, 21, 43), (15, 30, 60), strict=True):
        assert low < pause <= high


async def test_failing_is_counted_from_its_beginning_and_ends_with_the_first_success(collector, page):
    pull = await a_source("flaky", page.url + "/flaky")
    since = []
    for _ in range(2):
        await begin(collector, again=True)
        await collector.pulls.idle()
        since.append((await fresh(pull)).failing_since)
    assert since[0] is not None
    assert since[0] == since[1]
    page.documents["/flaky"] = {"depth": 1}
    await begin(collector, again=True)
    await collector.pulls.idle()
    kept = await fresh(pull)
    assert (kept.failing_since, kept.failures, await values("flaky")) == (None, 0, [1.0])


async def test_sources_that_hang_and_fail_do_not_delay_a_healthy_one(collector, page):
    gate = threading.Event()
    page.documents["/hangs"] = lambda: gate.wait(40) and None
    for n in range(12):
        await a_source(f"hangs{n}", page.url + "/hangs", timeout_s=30)
    for n in range(3):
        await a_source(f"bad{n}", page.url + "/nowhere")
    await a_source("good", page.url + "/good", interval_s=1)
    started = time.monotonic()
    for n in range(1, 4):
        await Pull.objects.filter(source__name="good").aupdate(due_at=None)

        async def came(n=n):
            # Again and again, as the clock does: what was stored last may still be told to the pages.
            await begin(collector)
            return len(await values("good")) >= n

        await until(came, 10)
    assert time.monotonic() - started < 20

    async def all_hang():
        return sum(asked.path == "/hangs" for asked in page.asked) == 12

    await until(all_hang, 10)
    gate.set()


async def test_those_that_failed_leave_room_for_the_others(collector, page):
    gate = threading.Event()
    page.documents["/hangs"] = lambda: gate.wait(20) and None
    for n in range(40):
        await a_source(f"hangs{n}", page.url + "/hangs", timeout_s=5, failures=1)
    await begin(collector)
    await a_source("good", page.url + "/good")
    await begin(collector)

    async def came():
        return await values("good") == [4.0]

    await until(came, 2)
    gate.set()


async def test_a_source_that_never_answers_has_one_thread_and_fails_in_time(collector, monkeypatch):
    """Not even its own time limit ends it, as when a name server is silent."""
    gate, threads = threading.Event(), []

    class Stuck:
        def pull(self, pull, now):
            threads.append(threading.current_thread())
            gate.wait(20)
            return Taken([Reading(Identity(pull.source_id, "late"), now, 1.0)])

    monkeypatch.setattr(attempts, "puller_of", lambda kind: Stuck())
    monkeypatch.setattr(attempts, "GRACE_S", 0.1)
    pull = await a_source("stuck", "", timeout_s=1)
    await begin(collector)

    async def failed():
        return (await fresh(pull)).failures == 1

    await until(failed, 3)
    for _ in range(3):
        await begin(collector, again=True)
    assert len(threads) == 1
    assert "1 s" in (await fresh(pull)).source.last_error
    gate.set()
    await collector.pulls.idle()
    assert await Series.objects.filter(name="late").acount() == 0
    threads[0].join(5)
    assert not threads[0].is_alive()


async def test_what_a_failure_brings_is_stored_with_it(collector, monkeypatch):
    class Down:
        def pull(self, pull, now):
            raise PullFailed("It is down.", Taken([Reading(Identity(pull.source_id, "up"), now, 0.0)]))

    monkeypatch.setattr(attempts, "puller_of", lambda kind: Down())
    pull = await a_source("down", "")
    await begin(collector)
    await collector.pulls.idle()
    kept = await fresh(pull)
    assert (await values("down"), kept.failures, kept.source.last_error) == ([0.0], 1, "It is down.")


async def test_a_fault_of_ours_is_a_failure_of_that_source_and_is_logged_once(collector, page, monkeypatch, caplog):
    class Broken:
        def pull(self, pull, now):
            raise ZeroDivisionError

    real = pulling.puller_of
    monkeypatch.setattr(
        attempts, "puller_of", lambda kind: Broken() if threading.current_thread().name == "pull broken" else real(kind)
    )
    broken = await a_source("broken", "")
    await a_source("good", page.url + "/good")
    for _ in range(3):
        await begin(collector, again=True)
        await collector.pulls.idle()
    assert (await fresh(broken)).failures == 3
    assert len(await values("good")) == 3
    assert len([record for record in caplog.records if record.exc_info]) == 1


async def test_what_the_database_refuses_is_a_failure_and_no_endless_loop(collector, page, monkeypatch):
    pull = await a_source("poison", page.url + "/good")

    def refuse(_pull, taken):
        if taken.readings:
            raise DataError("no")
        return pulling.keep(_pull, taken)

    monkeypatch.setattr(pulls, "keep_of", lambda kind: refuse)
    await begin(collector)
    await collector.pulls.idle()
    kept = await fresh(pull)
    assert kept.failures == 1
    assert "database" in kept.source.last_error
    assert not is_due(kept, now_ms())


async def test_rejections_are_counted(collector, page):
    page.documents["/some"] = {"depth": 1, "text": "x"}
    wanted = [*DEPTH, {"metric": "text", "path": "text"}]
    pull = await a_source("some", page.url + "/some", values=wanted)
    await begin(collector)
    await collector.pulls.idle()
    await sync_to_async(rejections.write)()
    row = await Rejection.objects.aget(source=pull.source_id)
    assert (row.reason, row.samples) == (Reason.NOT_A_NUMBER, 1)
    assert "text" in row.example
    assert (await fresh(pull)).failures == 0


async def test_who_lost_the_lease_stores_nothing(collector, page, told):
    gate = threading.Event()
    page.documents["/slow"] = lambda: gate.wait(10) and {"depth": 1}
    pull = await a_source("slow", page.url + "/slow", timeout_s=5)
    await begin(collector)
    await Lease.objects.aupdate(generation=F("generation") + 1)
    gate.set()
    await collector.pulls.idle()
    kept = await fresh(pull)
    assert (await values("slow"), kept.succeeded_at, kept.due_at) == ([], None, None)
    assert [one for one in told if one.new] == []


async def test_only_the_collector_fetches(page, told):
    second = Collector(told.append, "second")
    first = Collector(told.append, "first")
    await first.tick()
    await second.tick()
    await a_source("good", page.url + "/good")
    second.pulls.start()
    await asyncio.sleep(1.2)
    assert page.asked == []
    first.pulls.start()

    async def came():
        return await values("good") == [4.0]

    await until(came)
    await first.stop()
    await second.stop()


async def test_stopping_does_not_wait_for_a_source_that_hangs(collector, page):
    gate = threading.Event()
    page.documents["/hangs"] = lambda: gate.wait(20) and None
    await a_source("hangs", page.url + "/hangs", timeout_s=30)
    await begin(collector)
    await asyncio.sleep(0.1)
    started = time.monotonic()
    await collector.stop()
    assert time.monotonic() - started < 1
    gate.set()


async def test_a_source_that_was_removed_meanwhile_is_no_error(collector, page, caplog):
    gate = threading.Event()
    page.documents["/slow"] = lambda: gate.wait(10) and {"depth": 1}
    pull = await a_source("slow", page.url + "/slow", timeout_s=5)
    await begin(collector)
    await Source.objects.filter(pk=pull.source_id).adelete()
    gate.set()
    await collector.pulls.idle()
    assert await Series.objects.filter(name="depth").acount() == 0
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_a_source_can_be_tried_without_storing_anything(page):
    source = Source.objects.create(name="good", kind=Source.Kind.HTTP)
    tried = attempts.try_pull(Pull(source=source, url=page.url + "/good", values=DEPTH))
    assert [(sample.name, sample.labels, sample.value) for sample in tried.samples] == [("depth", (), 4.0)]
    assert (tried.error, tried.rejected, Sample.objects.count()) == ("", "", 0)
    assert 0 < tried.took_ms < 1_000


def test_trying_a_source_shows_the_error(page, monkeypatch):
    source = Source.objects.create(name="bad", kind=Source.Kind.HTTP)
    tried = attempts.try_pull(Pull(source=source, url=page.url + "/nowhere", values=DEPTH))
    assert tried.samples == []
    assert "404" in tried.error
    page.documents["/good"] = {"depth": "x"}
    wanted = [*DEPTH, {"metric": "one", "path": "`1`"}]
    tried = attempts.try_pull(Pull(source=source, url=page.url + "/good", values=wanted))
    assert [sample.name for sample in tried.samples] == ["one"]
    assert "depth" in tried.rejected


def test_trying_a_source_that_hangs_ends(page, monkeypatch):
    monkeypatch.setattr(attempts, "puller_of", lambda kind: threading.Event().wait(20))
    monkeypatch.setattr(attempts, "GRACE_S", 0.1)
    source = Source.objects.create(name="bad", kind=Source.Kind.HTTP)
    started = time.monotonic()
    assert "1 s" in attempts.try_pull(Pull(source=source, timeout_s=1)).error
    assert time.monotonic() - started < 3
