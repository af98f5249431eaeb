"""On PostgreSQL only: SQLite has no partitions (tests/metrics/series/conftest.py leaves this file out there)."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from metrics import exposition
from metrics.series import partitions, storing
from metrics.series.bulk import SampleRow, insert_samples
from metrics.series.horizons import DAY_MS
from metrics.series.models import LateHour, Sample, Series
from metrics.series.partitions import DEFAULT, keep_days, strays
from metrics.series.retention import Retention
from metrics.series.storing import store
from tests.metrics.series.arranging import T0, reading

pytestmark = pytest.mark.django_db(transaction=True)

FAR = T0 // DAY_MS * DAY_MS + 1_000 * DAY_MS
"""The beginning of a day that no other test has been to."""


@pytest.fixture
def now(monkeypatch):
    """A moment of that day, for storing too; afterwards its days are gone, and those of today are there again."""
    at = FAR + DAY_MS // 2
    monkeypatch.setattr(storing, "now_ms", lambda: at)
    yield at
    Sample.objects.all().delete()
    Series.objects.update(dirty_from=None, dirty_to=None)
    LateHour.objects.all().delete()
    for name in days() - {DEFAULT}:
        query(f"DROP TABLE {name}")
    keep_days(T0)


def query(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


def days():
    return {name for (name,) in query(partitions._THERE)}


def where(ts):
    """The partition that holds the samples of this time."""
    return [name for (name,) in query(f"SELECT tableoid::regclass::text FROM metrics_sample WHERE ts = {ts}")]


def name(day):
    return partitions._name(FAR + day * DAY_MS)


def test_the_table_has_days_from_the_beginning(shop):
    """As the migration made it, some days ago of this test's clock or just now."""
    assert query("SELECT relkind::text FROM pg_class WHERE oid = 'metrics_sample'::regclass") == [("p",)]
    assert DEFAULT in days()


def test_days_are_made_for_all_that_is_taken_and_three_ahead(now):
    keep_days(now)
    assert {name(day) for day in range(-7, 4)} <= days()
    assert name(4) not in days()


def test_a_day_is_made_three_days_before_it_begins(now):
    keep_days(now)
    keep_days(now + DAY_MS)
    assert name(4) in days()


def test_samples_lie_in_the_partition_of_their_day_to_the_millisecond(now, shop):
    keep_days(now)
    edges = [FAR - 1, FAR, FAR + DAY_MS - 1]
    store([reading(shop.pk, ts) for ts in edges])
    assert [where(ts) for ts in edges] == [[name(-1)], [name(0)], [name(0)]]
    assert strays() == 0


def drop_all(now):
    while keep_days(now):
        pass


def test_a_day_that_is_over_is_dropped_whole(now, shop):
    keep_days(now)
    store([reading(shop.pk, FAR), reading(shop.pk, FAR + DAY_MS)])
    Series.objects.update(dirty_from=None, dirty_to=None)
    LateHour.objects.all().delete()
    drop_all(FAR + 8 * DAY_MS + 3_600_000 - 1)
    assert name(0) in days()
    drop_all(FAR + 8 * DAY_MS + 3_600_000)
    assert name(0) not in days()
    assert Sample.objects.get().ts == FAR + DAY_MS


@pytest.mark.parametrize("mark", ["dirty", "late"])
def test_a_day_that_is_not_rolled_up_is_kept(now, shop, mark):
    keep_days(now)
    store([reading(shop.pk, FAR)])
    if mark == "late":
        series = Series.objects.get()
        Series.objects.update(dirty_from=None, dirty_to=None)
        LateHour.objects.create(series=series, t=FAR)
    drop_all(FAR + 9 * DAY_MS)
    assert Sample.objects.count() == 1


def test_samples_outside_of_all_days_are_stored_counted_and_said(now, shop, caplog, client, monkeypatch):
    store([reading(shop.pk, FAR)])
    assert where(FAR) == [DEFAULT]
    assert strays() == 1
    retention = Retention()
    keep_days(FAR - 100 * DAY_MS)
    while retention.step(FAR - 100 * DAY_MS):
        pass
    assert "1 samples lie outside of all days" in caplog.text
    monkeypatch.setattr(exposition, "rounds", retention)
    assert "watchfloor_stray_samples 1.0" in client.get("/metrics").text


def test_a_day_that_is_made_later_takes_in_what_was_stored_outside(now, shop):
    store([reading(shop.pk, FAR), reading(shop.pk, FAR + 1)])
    keep_days(now)
    assert where(FAR) == [name(0)]
    assert strays() == 0
    assert store([reading(shop.pk, FAR)]).duplicates == 1


def test_strays_that_are_too_old_go(now, shop):
    store([reading(shop.pk, FAR)])
    Series.objects.update(dirty_from=None, dirty_to=None)
    keep_days(FAR + 30 * DAY_MS)
    keep_days(FAR + 30 * DAY_MS)
    assert Sample.objects.count() == 0


def test_looking_after_days_that_are_all_there_takes_no_lock(now):
    drop_all(now)
    with CaptureQueriesContext(connection) as queries:
        keep_days(now)
    assert not [q for q in queries if "LOCK" in q["sql"] or "CREATE" in q["sql"]]


def test_somebody_who_reads_for_long_is_not_waited_for_longer_than_two_seconds(now, shop, caplog, monkeypatch):
    monkeypatch.setattr(partitions, "LOCK_WAIT", "100ms")
    reads, done = threading.Event(), threading.Event()

    def read():
        with transaction.atomic():
            Sample.objects.count()
            reads.set()
            done.wait(20)
        connection.close()

    reader = threading.Thread(target=read)
    reader.start()
    reads.wait(20)
    keep_days(now)
    done.set()
    reader.join()
    assert name(0) not in days()
    assert "another time" in caplog.text
    keep_days(now)
    assert name(0) in days()


def test_who_stores_meanwhile_is_neither_refused_nor_deadlocked(now, shop):
    keep_days(now)
    store([reading(shop.pk, FAR, metric="m")])
    failures, done = [], threading.Event()

    def write():
        ts = FAR
        while not done.is_set():
            ts += 1
            try:
                store([reading(shop.pk, ts, metric="m")])
            except Exception as error:
                failures.append(error)
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    for day in range(1, 12):
        keep_days(now + day * DAY_MS)
    done.set()
    writer.join()
    assert failures == []


def test_the_newest_of_each_series_are_found_over_all_days(now, shop):
    keep_days(now)
    store([reading(shop.pk, FAR)])
    series = Series.objects.get().pk
    insert_samples([SampleRow(series, FAR - day * DAY_MS, float(day)) for day in range(1, 6)])
    assert list(Sample.objects.order_by("-ts").values_list("value", flat=True)[:3]) == [1.0, 1.0, 2.0]
