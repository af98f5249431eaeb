"""What only PostgreSQL does: samples go day by day (see test_partitions.py), and no page is given back."""

from __future__ import annotations

from time import perf_counter

import pytest
from django.db import connection

from metrics.series import spare_pages
from metrics.series.horizons import DAY_MS, HOUR_MS, raw_retention_ms
from metrics.series.models import Rollup, Sample
from metrics.series.rollups import roll_up
from metrics.series.storing import store
from tests.metrics.series.arranging import T0, expire, reading

pytestmark = pytest.mark.django_db(transaction=True)


def test_samples_are_kept_by_ranges_of_time():
    with connection.cursor() as cursor:
        cursor.execute("SELECT partstrat::text FROM pg_partitioned_table")
        assert cursor.fetchall() == [("r",)]


def test_raw_samples_are_taken_a_week_back():
    assert raw_retention_ms() == 7 * DAY_MS


@pytest.mark.parametrize("late, left", [(-1, 1), (0, 0)])
def test_raw_samples_go_an_hour_after_those_of_their_day_are_not_taken_any_more(shop, late, left):
    store([reading(shop.pk)])
    roll_up()
    expire(T0 // DAY_MS * DAY_MS + DAY_MS + raw_retention_ms() + HOUR_MS + late)
    assert (Sample.objects.count(), Rollup.objects.filter(res=60).count()) == (left, 1)


def test_no_pages_are_given_back(crowd):
    Sample.objects.all().delete()
    assert spare_pages.give_back(perf_counter() + 60) is False
