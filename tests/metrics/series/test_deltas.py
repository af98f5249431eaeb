from __future__ import annotations

import math
import random
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics.series.models import Rollup, Sample, Series
from metrics.series.rollups import roll_up
from metrics.series.storing import store
from metrics.sources.models import Source
from tests.metrics.series.arranging import T0, reading

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def grow(shop):
    """`grow((second, amount), …)`: store deltas of one series at these seconds after T0."""

    def grow(*points):
        deltas = [reading(shop.pk, T0 + second * 1_000, float(amount)) for second, amount in points]
        return store([delta._replace(is_delta=True, kind="counter") for delta in deltas])

    return grow


def totals():
    return [((ts - T0) // 1_000, value) for ts, value in Sample.objects.order_by("ts").values_list("ts", "value")]


def test_deltas_add_up_from_nought(grow):
    grow((0, 5), (10, 3))
    grow((20, 4))
    assert totals() == [(0, 5.0), (10, 8.0), (20, 12.0)]


def test_deltas_of_one_batch_add_up_in_the_order_of_their_times(grow):
    grow((20, 4), (0, 5), (10, 3))
    assert totals() == [(0, 5.0), (10, 8.0), (20, 12.0)]


def test_a_delta_that_comes_again_is_not_added_again(grow):
    grow((0, 5), (10, 3))
    again = grow((0, 5), (10, 3), (20, 4), (20, 4))
    assert totals() == [(0, 5.0), (10, 8.0), (20, 12.0)]
    assert (again.new, again.duplicates) == (1, 3)


def test_of_two_deltas_for_one_time_the_first_counts(grow):
    stored = grow((0, 5), (0, 7))
    assert totals() == [(0, 5.0)]
    assert (stored.new, stored.duplicates) == (1, 1)


def test_a_late_delta_is_added_to_the_newest_total_and_nothing_in_between_changes(grow):
    grow((0, 5), (10, 3), (20, 4))
    late = grow((5, 100))
    assert totals() == [(0, 5.0), (5, 5.0), (10, 8.0), (20, 112.0)]
    assert (late.new, late.duplicates) == (1, 0)


def test_a_late_delta_that_comes_again_is_not_added_again(grow):
    grow((0, 5), (20, 4))
    grow((5, 100))
    grow((5, 100))
    assert totals() == [(0, 5.0), (5, 5.0), (20, 109.0)]


def test_a_late_delta_beside_fresh_ones_is_in_the_first_of_them(grow):
    grow((0, 5), (20, 4))
    grow((30, 1), (5, 100), (40, 1))
    assert totals() == [(0, 5.0), (5, 5.0), (20, 9.0), (30, 110.0), (40, 111.0)]


def test_a_late_delta_before_everything_is_not_lost(grow):
    grow((10, 5))
    grow((0, 2))
    assert totals() == [(0, 0.0), (10, 7.0)]


def test_the_rollups_know_of_a_total_that_was_raised(grow):
    grow((0, 5), (2 * 3_600, 1), (3 * 3_600, 4))
    while roll_up():
        pass
    grow((1, 100))
    while roll_up():
        pass
    hours = Rollup.objects.filter(res=3600).order_by("t").values_list("last", "inc")
    assert list(hours) == [(5.0, 0.0), (6.0, 1.0), (110.0, 104.0)]


def test_deltas_go_on_from_the_total_when_its_samples_have_expired(grow):
    grow((0, 5), (10, 3))
    roll_up()
    Sample.objects.all().delete()
    grow((20, 4))
    assert totals() == [(20, 12.0)]


def test_deltas_go_on_from_what_the_sender_gave_as_a_total(grow, shop):
    store([reading(shop.pk, value=50.0)])
    grow((10, 3))
    assert totals() == [(0, 50.0), (10, 53.0)]


def test_a_total_stays_within_what_a_number_can_be(grow):
    most = sys.float_info.max
    grow((0, most), (10, most))
    grow((20, -1.0))
    assert [value for _ts, value in totals()] == [most, most, most]
    assert all(math.isfinite(value) for _ts, value in totals())


def test_deltas_beside_other_readings_are_each_taken_for_what_they_are(shop):
    level = reading(shop.pk, value=7.0, metric="level")
    delta = reading(shop.pk, value=7.0, metric="grown")._replace(is_delta=True)
    for n in range(3):
        store([level._replace(ts=T0 + n), delta._replace(ts=T0 + n)])
    assert list(Sample.objects.order_by("series__name", "ts").values_list("series__name", "value")) == [
        ("grown", 7.0), ("grown", 14.0), ("grown", 21.0), ("level", 7.0), ("level", 7.0), ("level", 7.0),
    ]  # fmt: skip


amounts = st.dictionaries(st.integers(0, 200), st.integers(0, 50), min_size=1, max_size=20)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(amounts=amounts, seed=st.integers(), pieces=st.integers(1, 5))
def test_however_deltas_come_the_newest_total_is_their_sum(db, amounts, seed, pieces):
    Series.objects.all().delete()
    source, _made = Source.objects.get_or_create(name="either")
    deltas = [reading(source.pk, T0 + s * 1_000, float(a))._replace(is_delta=True) for s, a in amounts.items()] * 2
    random.Random(seed).shuffle(deltas)
    for start in range(pieces):
        store(deltas[start::pieces])
    assert Sample.objects.latest("ts").value == sum(amounts.values())
    assert Sample.objects.count() == len(amounts)
