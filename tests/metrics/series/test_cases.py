"""What storing does with each case that senders bring about: late, early, twice, disordered, ended, not a number."""

from __future__ import annotations

import math

import pytest

from metrics.series.models import Rollup, Sample, Series
from metrics.series.rollups import roll_up
from metrics.series.storing import store
from tests.metrics.series.arranging import T0, reading

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE = 60_000


def row():
    return Series.objects.get()


def minutes(*fields):
    while roll_up():
        pass
    return list(Rollup.objects.filter(res=60).order_by("t").values_list(*fields))


def test_late_a_sample_of_this_morning_is_stored_and_its_bucket_computed_again(shop):
    store([reading(shop.pk, T0 - 20 * 3_600_000, 1.0), reading(shop.pk, T0, 3.0)])
    assert minutes("n", "inc") == [(1, 0.0), (1, 2.0)]
    store([reading(shop.pk, T0 - 20 * 3_600_000 + 1_000, 2.0)])
    assert minutes("n", "inc") == [(2, 1.0), (1, 1.0)]


def test_early_a_time_ahead_of_ours_is_kept_as_it_is(shop):
    store([reading(shop.pk, T0 + 10 * MINUTE)])
    assert (Sample.objects.get().ts, row().last_ts) == (T0 + 10 * MINUTE, T0 + 10 * MINUTE)


def test_twice_the_first_value_wins_and_the_buckets_know_one(shop):
    store([reading(shop.pk, value=1.0)])
    assert store([reading(shop.pk, value=9.0)]).duplicates == 1
    assert minutes("n", "sum") == [(1, 1.0)]


def test_out_of_order_samples_are_taken_in_the_order_of_their_times(shop):
    for second, value in ((20, 3.0), (0, 1.0), (10, 2.0)):
        store([reading(shop.pk, T0 + second * 1_000, value)])
    assert minutes("first", "last", "inc") == [(1.0, 3.0, 2.0)]


def test_a_counter_that_falls_has_begun_again(shop):
    store([reading(shop.pk, T0 + n * 1_000, value) for n, value in enumerate([10.0, 15.0, 2.0, 4.0])])
    assert minutes("inc") == [(9.0,)]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_finite_number_is_never_stored_on_any_database(shop, value):
    with pytest.raises(ValueError, match="orders: expected a finite value"):
        store([reading(shop.pk, metric="good"), reading(shop.pk, value=value)])
    assert (Sample.objects.count(), Series.objects.count()) == (0, 0)


def ended(one, ts):
    return store([], ended=[(one.identity, ts)])


def test_a_sender_may_say_that_a_series_ended(shop):
    one = reading(shop.pk)
    store([one])
    assert ended(one, T0 + 5_000).touched == {row().pk}
    assert (row().stale_at, row().last_ts, row().total) == (T0 + 5_000, T0, 1)


def test_the_end_only_moves_forward(shop):
    one = reading(shop.pk)
    store([one])
    ended(one, T0 + 5_000)
    assert ended(one, T0 + 3_000).touched == frozenset()
    assert ended(one, T0 + 5_000).touched == frozenset()
    assert row().stale_at == T0 + 5_000
    ended(one, T0 + 9_000)
    assert row().stale_at == T0 + 9_000


def test_an_end_before_the_newest_sample_says_nothing(shop):
    one = reading(shop.pk)
    store([one])
    assert ended(one, T0 - 1).touched == frozenset()
    assert row().stale_at is None


def test_an_end_counts_against_the_samples_that_come_with_it(shop):
    one = reading(shop.pk)
    store([one])
    store([one._replace(ts=T0 + 10_000)], ended=[(one.identity, T0 + 5_000)])
    assert row().stale_at is None
    store([one._replace(ts=T0 + 20_000)], ended=[(one.identity, T0 + 25_000)])
    assert row().stale_at == T0 + 25_000


def test_a_sample_after_the_end_leaves_the_end_behind(shop):
    one = reading(shop.pk)
    store([one])
    ended(one, T0 + 5_000)
    store([one._replace(ts=T0 + 10_000)])
    assert row().stale_at < row().last_ts


def test_a_series_is_not_made_to_be_ended(shop):
    assert ended(reading(shop.pk), T0).touched == frozenset()
    assert Series.objects.count() == 0


def test_of_several_ends_the_last_counts(shop):
    one = reading(shop.pk)
    store([one])
    store([], ended=[(one.identity, T0 + ts) for ts in (1, 3, 2)])
    assert row().stale_at == T0 + 3


def described():
    return (row().kind, row().unit, row().help)


def test_what_a_series_is_may_be_said_later(shop):
    one = reading(shop.pk)
    store([one])
    store([one._replace(ts=T0 + 1, kind="counter")])
    store([one._replace(ts=T0 + 2, unit="B", help="Bytes sent.")])
    assert described() == ("counter", "B", "Bytes sent.")


def test_what_a_series_is_stays_once_it_is_known(shop):
    one = reading(shop.pk)._replace(kind="counter", unit="B", help="Bytes sent.")
    store([one])
    store([one._replace(ts=T0 + 1, kind="gauge", unit="s", help="Other.")])
    store([reading(shop.pk, T0 + 2)])
    assert described() == ("counter", "B", "Bytes sent.")


def test_a_new_series_is_described_by_its_first_reading(shop):
    store([reading(shop.pk)._replace(kind="gauge", unit="s", help="Time.")])
    assert described() == ("gauge", "s", "Time.")
