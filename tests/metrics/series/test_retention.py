from __future__ import annotations

import threading
import time

import pytest
from django.conf import settings
from django.db import connection

from metrics.series import rollups as rolling
from metrics.series import storing
from metrics.series.horizons import DAY_MS, HOUR_MS, closed_before, raw_retention_ms
from metrics.series.models import LateHour, Rollup, Sample, Series
from metrics.series.retention import Retention
from metrics.series.rollups import roll_up
from metrics.series.storing import store
from tests.metrics.series.arranging import T0, expire, reading

pytestmark = pytest.mark.django_db(transaction=True)

HOUR_DAYS = 730
LONG_OVER = T0 + raw_retention_ms() + DAY_MS + HOUR_MS
"""By then a sample of T0 is gone on each database."""


def at(monkeypatch, ts):
    for module in (storing, rolling):
        monkeypatch.setattr(module, "now_ms", lambda: ts)


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
    expire(LONG_OVER)
    assert Sample.objects.count() == 1
    roll_up()
    expire(LONG_OVER)
    assert (Sample.objects.count(), Rollup.objects.get(res=60).n) == (0, 1)


def test_late_samples_that_are_not_rolled_up_stay(shop):
    store([reading(shop.pk, T0 + DAY_MS)])
    roll_up()
    store([reading(shop.pk)])
    assert LateHour.objects.count() == 1
    expire(LONG_OVER)
    assert Sample.objects.filter(ts=T0).count() == 1


def test_younger_samples_of_the_same_series_stay(shop):
    store([reading(shop.pk), reading(shop.pk, T0 + 2 * DAY_MS)])
    roll_up()
    expire(LONG_OVER)
    assert Sample.objects.get().ts == T0 + 2 * DAY_MS


def test_a_step_ends_when_its_time_is_over_and_the_oldest_go_first(shop):
    store([reading(shop.pk, T0 + n * 60_000) for n in range(30)])
    roll_up()
    Sample.objects.all().delete()
    retention, counts = Retention(), []
    while not counts or counts[-1] == 30:
        retention.step(T0 + 30 * DAY_MS + HOUR_MS, rows=7, seconds=0)
        counts.append(Rollup.objects.filter(res=10).count())
    assert [Rollup.objects.filter(res=res).count() for res in (10, 60)] == [23, 30]
    assert Rollup.objects.filter(res=10).earliest("t").t == T0 + 7 * 60_000


def test_a_round_goes_past_every_series(shop):
    store([reading(shop.pk, T0 + n, metric=f"m{n}") for n in range(1_100)])
    while roll_up():
        pass
    assert expire(LONG_OVER) > 3
    assert Sample.objects.count() == 0


@pytest.mark.parametrize("late, left", [(0, ["lively", "orders"]), (1, ["lively"])])
def test_a_series_that_was_silent_for_two_years_goes_too(shop, late, left):
    store([reading(shop.pk), reading(shop.pk, T0 + DAY_MS, metric="lively")])
    roll_up()
    expire(T0 + HOUR_DAYS * DAY_MS + late)
    assert sorted(Series.objects.values_list("name", flat=True)) == left


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


def test_what_is_closed_is_a_whole_hour():
    assert closed_before(T0) == closed_before(T0 + HOUR_MS - 1) == T0 - raw_retention_ms() - HOUR_MS
