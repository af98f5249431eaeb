from __future__ import annotations

import pytest
from django.db import connection

from metrics.series.models import Rollup, Sample, Series
from metrics.series.retention import DAY_MS, HOUR_MS, expire, raw_retention_ms
from metrics.series.rollups import roll_up
from metrics.series.storing import store
from tests.metrics.series.arranging import T0, reading

pytestmark = pytest.mark.django_db


def raw_end(ts):
    """The last moment at which a sample of this time is kept."""
    return ts + raw_retention_ms() + HOUR_MS


def test_raw_samples_are_taken_a_day_back_on_sqlite_and_a_week_on_postgresql():
    assert raw_retention_ms() == {"sqlite": DAY_MS, "postgresql": 7 * DAY_MS}[connection.vendor]


@pytest.mark.parametrize("late, left", [(0, 1), (1, 0)])
def test_raw_samples_go_an_hour_after_they_are_not_accepted_any_more(shop, late, left):
    store([reading(shop.pk)])
    roll_up()
    assert expire(raw_end(T0) + late) == 1 - left
    assert (Sample.objects.count(), Rollup.objects.count()) == (left, 1)


@pytest.mark.parametrize("late, left", [(0, 1), (1, 0)])
def test_rollups_go_after_thirty_days(shop, late, left):
    store([reading(shop.pk), reading(shop.pk, T0 + DAY_MS)])
    roll_up()
    expire(T0 + 30 * DAY_MS + late)
    assert Rollup.objects.filter(t=T0).count() == left


def test_samples_that_are_not_rolled_up_stay(shop):
    store([reading(shop.pk)])
    expire(raw_end(T0) + HOUR_MS)
    assert Sample.objects.count() == 1
    roll_up()
    assert Rollup.objects.get().n == 1


def test_one_call_deletes_no_more_rows_than_it_may_and_the_next_goes_on(shop):
    store([reading(shop.pk, T0 + n, metric=f"m{n % 3}") for n in range(30)])
    roll_up()
    now = raw_end(T0 + 30)
    deleted = []
    while count := expire(now, rows=7):
        deleted.append(count)
    assert max(deleted) <= 7
    assert sum(deleted) == 30
    assert Sample.objects.count() == 0


def test_the_oldest_go_first(shop):
    store([reading(shop.pk, T0 + n) for n in range(10)])
    roll_up()
    expire(raw_end(T0 + 10), rows=4)
    assert min(Sample.objects.values_list("ts", flat=True)) == T0 + 4


def test_younger_samples_of_the_same_series_stay(shop):
    store([reading(shop.pk), reading(shop.pk, T0 + HOUR_MS)])
    roll_up()
    expire(raw_end(T0) + 1)
    assert Sample.objects.get().ts == T0 + HOUR_MS


def test_a_series_of_which_nothing_is_left_goes_too(shop):
    store([reading(shop.pk), reading(shop.pk, T0 + DAY_MS, metric="lively")])
    roll_up()
    now = T0 + 30 * DAY_MS + 60_001
    while expire(now):
        pass
    assert Series.objects.get().name == "lively"
