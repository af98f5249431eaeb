from __future__ import annotations

import threading
import time

import pytest
from django.conf import settings
from django.db import connection

from metrics.series import rollups as rolling
from metrics.series import spare_pages, storing
from metrics.series.bulk import SampleRow, insert_samples
from metrics.series.horizons import DAY_MS, HOUR_MS, closed_before, raw_retention_ms
from metrics.series.models import LateHour, Rollup, Sample, Series
from metrics.series.retention import Retention
from metrics.series.rollups import roll_up
from metrics.series.storing import store
from tests.metrics.series.arranging import T0, reading

pytestmark = pytest.mark.django_db(transaction=True)

HOUR_DAYS = 730


def expire(now, **options):
    """One whole round; how many steps it took."""
    retention, steps = Retention(), 1
    while retention.step(now, **options):
        steps += 1
    return steps


def at(monkeypatch, ts):
    for module in (storing, rolling):
        monkeypatch.setattr(module, "now_ms", lambda: ts)


def over(ts):
    """When a sample of this time has to be gone: its hour on SQLite, its day on PostgreSQL, and an hour more."""
    whole = HOUR_MS if connection.vendor == "sqlite" else DAY_MS
    return ts // whole * whole + whole + raw_retention_ms() + HOUR_MS


def test_raw_samples_are_taken_a_day_back_on_sqlite_and_a_week_on_postgresql():
    assert raw_retention_ms() == {"sqlite": DAY_MS, "postgresql": 7 * DAY_MS}[connection.vendor]


@pytest.mark.parametrize("late, left", [(-1, 1), (0, 0)])
def test_raw_samples_go_an_hour_after_they_are_not_taken_any_more(shop, late, left):
    store([reading(shop.pk)])
    roll_up()
    expire(over(T0) + late)
    assert (Sample.objects.count(), Rollup.objects.filter(res=60).count()) == (left, 1)


@pytest.mark.parametrize("late, new, too_old", [(-1, 1, 0), (0, 0, 1)])
def test_a_sample_is_refused_once_those_of_its_hour_may_be_gone(shop, monkeypatch, late, new, too_old):
    at(monkeypatch, T0 + HOUR_MS + raw_retention_ms() + HOUR_MS + late)
    old = reading(shop.pk)
    stored = store([old, reading(shop.pk, T0 + 2 * HOUR_MS)])
    assert (stored.new, stored.too_old.get(old.identity, 0), stored.duplicates) == (1 + new, too_old, 0)


@pytest.mark.parametrize("res, days", [(10, 2), (60, 30), (3600, HOUR_DAYS)])
@pytest.mark.parametrize("late, left", [(0, 1), (1, 0)])
def test_rollups_go_after_two_days_a_month_and_two_years(shop, monkeypatch, res, days, late, left):
    store([reading(shop.pk), reading(shop.pk, T0 + 2 * HOUR_MS)])
    roll_up()
    if connection.vendor == "postgresql" and res == 10:
        monkeypatch.setitem(settings.RETENTION, "raw", DAY_MS)
    expire(T0 + days * DAY_MS + late)
    assert Rollup.objects.filter(res=res, t=T0).count() == left


def test_minutes_outlive_the_raw_samples_whatever_the_settings_say(shop, monkeypatch):
    monkeypatch.setitem(settings.RETENTION, "rollup_60", HOUR_MS)
    store([reading(shop.pk)])
    roll_up()
    expire(T0 + HOUR_MS + raw_retention_ms() + HOUR_MS - 1)
    assert Rollup.objects.filter(res=60).count() == 1


def test_samples_that_are_not_rolled_up_stay(shop):
    store([reading(shop.pk)])
    expire(over(T0))
    assert Sample.objects.count() == 1
    roll_up()
    expire(over(T0))
    assert (Sample.objects.count(), Rollup.objects.get(res=60).n) == (0, 1)


def test_late_samples_that_are_not_rolled_up_stay(shop):
    store([reading(shop.pk, T0 + DAY_MS)])
    roll_up()
    store([reading(shop.pk)])
    assert LateHour.objects.count() == 1
    expire(over(T0))
    assert Sample.objects.filter(ts=T0).count() == 1


def test_younger_samples_of_the_same_series_stay(shop):
    store([reading(shop.pk), reading(shop.pk, T0 + DAY_MS)])
    roll_up()
    expire(over(T0))
    assert Sample.objects.get().ts == T0 + DAY_MS


def test_one_step_deletes_no_more_rows_than_it_may_and_the_oldest_first(shop):
    store([reading(shop.pk, T0 + n * 60_000) for n in range(30)])
    roll_up()
    Sample.objects.all().delete()
    retention, counts = Retention(), []
    while not counts or counts[-1] == 30:
        retention.step(T0 + 30 * DAY_MS + HOUR_MS, rows=7)
        counts.append(Rollup.objects.filter(res=10).count())
    assert [Rollup.objects.filter(res=res).count() for res in (10, 60)] == [23, 30]
    assert Rollup.objects.filter(res=10).earliest("t").t == T0 + 7 * 60_000


def test_a_round_goes_past_every_series(shop):
    store([reading(shop.pk, T0 + n, metric=f"m{n}") for n in range(1_100)])
    while roll_up():
        pass
    assert expire(over(T0)) > 3
    assert Sample.objects.count() == 0


@pytest.mark.parametrize("late, left", [(0, ["lively", "orders"]), (1, ["lively"])])
def test_a_series_that_was_silent_for_two_years_goes_too(shop, late, left):
    store([reading(shop.pk), reading(shop.pk, T0 + DAY_MS, metric="lively")])
    roll_up()
    expire(T0 + HOUR_DAYS * DAY_MS + late)
    assert sorted(Series.objects.values_list("name", flat=True)) == left


@pytest.fixture
def crowd(shop):
    """200,000 old samples of 20 series, and one young sample of each."""
    store([reading(shop.pk, T0 + 3 * DAY_MS, metric=f"m{n}") for n in range(20)])
    ids = list(Series.objects.values_list("pk", flat=True))
    insert_samples([SampleRow(series, T0 + n * 1_000, float(n)) for series in ids for n in range(10_000)])
    Series.objects.update(dirty_from=None, dirty_to=None)
    return ids


def test_two_hundred_thousand_samples_go_in_transactions_that_hold_nobody_up(crowd, shop):
    now, waits, costs, done = T0 + 3 * DAY_MS + raw_retention_ms(), [], [], threading.Event()

    def write():
        while not done.wait(0.02):
            began = time.monotonic()
            store([reading(shop.pk, T0 + 4 * DAY_MS + len(waits), metric="m0")])
            waits.append(time.monotonic() - began)
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    retention, more = Retention(), True
    while more:
        began = time.thread_time()
        more = retention.step(now)
        costs.append(time.thread_time() - began)
        time.sleep(0.005)  # the collector, too, goes through another thread between two steps
    done.set()
    writer.join()
    assert Sample.objects.count() == 20 + len(waits)
    # Of processor time: what a transaction costs, however busy the machine is.
    assert max(costs) < 0.05
    assert waits
    assert max(waits) < 5


def pragma(name):
    with connection.cursor() as cursor:
        return cursor.execute(f"PRAGMA {name}").fetchone()[0]


def test_sqlite_gives_space_back(crowd, monkeypatch):
    if connection.vendor == "postgresql":
        assert spare_pages.give_back() is False
        return
    full = pragma("page_count")
    monkeypatch.setattr(spare_pages, "LEAST", 300)
    expire(T0 + 3 * DAY_MS + raw_retention_ms())
    assert pragma("freelist_count") <= max(300, pragma("page_count") / 10)
    assert pragma("page_count") < full / 2


def test_a_step_gives_many_pages_back(crowd, monkeypatch):
    if connection.vendor == "postgresql":
        assert spare_pages.give_back() is False
        return
    Sample.objects.all().delete()
    monkeypatch.setattr(spare_pages, "LEAST", 300)
    before = pragma("freelist_count")
    assert spare_pages.give_back() is True
    assert before - pragma("freelist_count") >= spare_pages.AT_ONCE - 1


def test_what_is_closed_is_a_whole_hour():
    assert closed_before(T0) == closed_before(T0 + HOUR_MS - 1) == T0 - raw_retention_ms() - HOUR_MS
