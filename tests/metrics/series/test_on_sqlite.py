"""What only SQLite does: samples go hour by hour, and the pages that they leave go back to the disk."""

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


def pragma(name):
    with connection.cursor() as cursor:
        return cursor.execute(f"PRAGMA {name}").fetchone()[0]


def soon():
    return perf_counter() + 60


def test_samples_need_no_row_number_and_stand_once_on_the_disk():
    with connection.cursor() as cursor:
        cursor.execute("SELECT sql FROM sqlite_master WHERE name IN ('metrics_sample', 'metrics_rollup')")
        assert ["WITHOUT ROWID" in sql for (sql,) in cursor.fetchall()] == [True, True]
    assert pragma("auto_vacuum") == 2


def test_raw_samples_are_taken_a_day_back():
    assert raw_retention_ms() == DAY_MS


@pytest.mark.parametrize("late, left", [(-1, 1), (0, 0)])
def test_raw_samples_go_an_hour_after_those_of_their_hour_are_not_taken_any_more(shop, late, left):
    store([reading(shop.pk)])
    roll_up()
    expire(T0 // HOUR_MS * HOUR_MS + HOUR_MS + raw_retention_ms() + HOUR_MS + late)
    assert (Sample.objects.count(), Rollup.objects.filter(res=60).count()) == (left, 1)


def test_space_is_given_back(crowd, monkeypatch):
    full = pragma("page_count")
    monkeypatch.setattr(spare_pages, "LEAST", 300)
    expire(T0 + 3 * DAY_MS + raw_retention_ms())
    assert pragma("freelist_count") <= max(300, pragma("page_count") / 10)
    assert pragma("page_count") < full / 2


def test_many_pages_are_given_back_at_once(crowd, monkeypatch):
    Sample.objects.all().delete()
    monkeypatch.setattr(spare_pages, "LEAST", 300)
    before = pragma("freelist_count")
    assert spare_pages.give_back(soon()) is True
    assert before - pragma("freelist_count") >= spare_pages.AT_ONCE - 1


def test_giving_pages_back_ends_when_its_time_is_over(crowd, monkeypatch):
    Sample.objects.all().delete()
    monkeypatch.setattr(spare_pages, "LEAST", 300)
    before = pragma("freelist_count")
    assert spare_pages.give_back(perf_counter()) is True
    assert 0 < before - pragma("freelist_count") < spare_pages.AT_ONCE // 2
