from __future__ import annotations

import math
import random
from itertools import groupby, pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics.series import rollups as rolling
from metrics.series import storing
from metrics.series.models import LateHour, Rollup, Sample, Series
from metrics.series.rollups import roll_up
from metrics.series.storing import store
from metrics.sources.models import Source
from tests.metrics.series.arranging import T0, reading

pytestmark = pytest.mark.django_db

FIELDS = ("t", "n", "sum", "min", "max", "first", "last", "last_ts", "inc")
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@pytest.fixture
def send(shop):
    """`send((second, value), …)`: store samples of one series at these seconds after T0, and roll up."""

    def send(*points):
        store([reading(shop.pk, T0 + round(second * 1_000), value) for second, value in points])
        roll_up()

    return send


def rollups(*fields, res=60):
    return list(Rollup.objects.filter(res=res).order_by("t").values_list(*(fields or FIELDS)))


def at(monkeypatch, ts):
    """As if it were this time, in epoch ms."""
    for module in (storing, rolling):
        monkeypatch.setattr(module, "now_ms", lambda: ts)


@pytest.mark.parametrize("res", [60, 3600])
def test_a_bucket_tells_what_its_samples_come_to(send, res):
    send((0, 3.0), (20, 9.0), (59.999, 5.0))
    assert rollups(res=res) == [(T0, 3, 17.0, 3.0, 9.0, 3.0, 5.0, T0 + 59_999, 11.0)]


def test_buckets_of_ten_seconds_begin_at_each_ten(send):
    send((0, 3.0), (9.999, 4.0), (10, 9.0), (31, 5.0))
    assert rollups("t", "n", "sum", "inc", res=10) == [
        (T0, 2, 7.0, 1.0), (T0 + 10_000, 1, 9.0, 5.0), (T0 + 30_000, 1, 5.0, 5.0),
    ]  # fmt: skip


def test_a_full_hour_begins_a_new_bucket(send):
    send((3599.999, 1.0), (3600, 2.0), (7200, 3.0))
    assert rollups("t", "n", "inc", res=3600) == [(T0, 1, 0.0), (T0 + HOUR, 1, 1.0), (T0 + 2 * HOUR, 1, 1.0)]


def test_a_full_minute_begins_a_new_bucket(send):
    send((59.999, 1.0), (60, 2.0))
    assert rollups("t", "n") == [(T0, 1), (T0 + MINUTE, 1)]


def test_the_increase_includes_the_step_from_the_bucket_before(send):
    send((50, 10.0), (70, 14.0), (80, 15.0))
    assert rollups("inc") == [(0.0,), (5.0,)]


def test_the_increase_includes_the_step_over_empty_buckets(send):
    send((0, 10.0))
    send((600, 17.0))
    assert rollups("t", "inc") == [(T0, 0.0), (T0 + 600_000, 7.0)]


def test_a_counter_that_falls_began_again_at_zero(send):
    # ingest.md, section 5: the increase of these is 55.
    send(*((second, value) for second, value in zip(range(0, 60, 10), [0, 10, 20, 5, 15, 25], strict=True)), (60, 35))
    assert sum(inc for (inc,) in rollups("inc")) == 55


def test_a_reset_between_two_buckets_is_seen(send):
    send((30, 100.0), (90, 4.0))
    assert rollups("inc") == [(0.0,), (4.0,)]


def test_increases_of_buckets_add_up_to_the_increase_of_the_whole(send):
    values = [random.Random(1).randrange(100) for _ in range(200)]
    send(*((7 * n, float(value)) for n, value in enumerate(values)))
    steps = [after if after < before else after - before for before, after in pairwise(values)]
    assert sum(inc for (inc,) in rollups("inc")) == sum(steps)


def test_a_late_sample_changes_its_bucket(send):
    send((10, 1.0), (100, 5.0))
    send((20, 3.0))
    assert rollups("t", "n", "last") == [(T0, 2, 3.0), (T0 + MINUTE, 1, 5.0)]


@pytest.mark.parametrize("next_at", [61, 3_600])
def test_a_late_sample_changes_the_step_into_the_next_bucket_however_far(send, next_at):
    send((10, 1.0), (next_at, 9.0))
    send((20, 4.0))
    assert rollups("inc") == [(3.0,), (5.0,)]


def test_a_late_first_sample_gives_the_one_after_it_a_step(send):
    send((100, 9.0))
    send((10, 4.0))
    assert rollups("inc") == [(0.0,), (5.0,)]


def test_what_was_rolled_up_is_clean_and_costs_nothing_again(send):
    send((0, 1.0))
    assert Series.objects.values_list("dirty_from", "dirty_to").get() == (None, None)
    assert roll_up() == 0


def test_dirt_survives_a_crash_between_storing_and_rolling_up(shop):
    store([reading(shop.pk)])
    # Nothing is kept in the process: the next one finds what is to do in the database.
    assert roll_up() == 1
    assert rollups("n") == [(1,)]


def test_rolling_up_again_changes_nothing(send):
    send((0, 1.0), (70, 2.0))
    before = rollups()
    Series.objects.update(dirty_from=T0, dirty_to=T0 + 70_000)
    roll_up()
    assert rollups() == before


def test_series_do_not_mix(shop):
    store([reading(shop.pk, T0 + n * 30_000, 10.0 * n, metric=name) for n in range(3) for name in "ab"])
    roll_up()
    assert sorted(Rollup.objects.filter(res=60).values_list("series__name", "n", "inc")) == [
        ("a", 1, 10.0), ("a", 2, 10.0), ("b", 1, 10.0), ("b", 2, 10.0),
    ]  # fmt: skip


def test_a_batch_takes_as_many_series_as_it_may_and_leaves_the_others_dirty(shop):
    store([reading(shop.pk, metric=name) for name in "abc"])
    assert [roll_up(batch=2), roll_up(batch=2), roll_up(batch=2)] == [2, 1, 0]
    assert len(rollups()) == 3


def test_those_who_are_dirty_longest_come_first(shop):
    store([reading(shop.pk, T0 - n, metric=name) for n, name in enumerate("abc")])
    roll_up(batch=2)
    assert Series.objects.get(dirty_from__isnull=False).name == "a"


def test_where_there_is_room_for_one_series_it_is_the_one_that_is_dirty_longest(shop):
    store([reading(shop.pk, T0 - n * 20_000, metric=name) for n, name in enumerate("abc")])
    roll_up(samples=1)
    assert set(Series.objects.filter(dirty_from=None).values_list("name", flat=True)) == {"c"}


def test_series_for_whose_samples_there_is_no_room_cost_no_statement(shop, django_assert_max_num_queries):
    store([reading(shop.pk, metric=f"m{n}") for n in range(50)])
    with django_assert_max_num_queries(15):
        assert roll_up(samples=1) > 1
    assert Series.objects.filter(dirty_from__isnull=False).count() == 49


def test_a_long_span_is_done_in_several_transactions(shop, monkeypatch):
    at(monkeypatch, T0 + 10 * HOUR)
    for hour in range(10):
        store([reading(shop.pk, T0 + hour * HOUR + minute * MINUTE, float(hour * 60 + minute)) for minute in range(60)])
    counts = []
    while roll_up(samples=120):
        counts.append(len(rollups(res=3600)))
    assert len(counts) == 5
    assert rollups("n", "inc", res=3600) == [(60, 59.0)] + [(60, 60.0)] * 9


def test_a_span_of_the_last_hour_is_cut_at_buckets_of_ten_seconds(shop):
    start = T0 - 40 * MINUTE
    store([reading(shop.pk, start + second * 1_000, float(second % 700)) for second in range(2_400)])
    counts = []
    while roll_up(samples=500):
        counts.append(len(rollups(res=10)))
    # With each piece the bucket after it, since the step into that one is of this piece.
    assert counts == [51, 101, 151, 201, 240]
    pieces = [rollups(res=res) for res in (10, 60, 3600)]
    Rollup.objects.all().delete()
    Series.objects.update(dirty_from=start, dirty_to=T0)
    roll_up()
    assert [rollups(res=res) for res in (10, 60, 3600)] == pieces


def test_values_at_the_end_of_the_range_do_not_stop_the_rollups(send):
    most = 1.7976931348623157e308
    send((0, most), (1, most), (2, -most), (3, -most), (4, most), (60, most), (61, most))
    assert rollups("n", "min", "max", "last") == [(5, -most, most, most), (2, most, most, most)]
    assert all(math.isfinite(number) for row in rollups("sum", "inc") for number in row)


def test_long_sums_are_as_exact_as_floats_allow(send):
    send(*((n / 2, 0.1) for n in range(100)))
    assert rollups("sum")[0][0] == pytest.approx(10.0)


@pytest.mark.parametrize("late, hours", [(3_599, []), (3_601, [-HOUR])])
def test_an_hour_with_late_samples_is_noted_and_the_time_between_stays_clean(send, shop, late, hours):
    send((0, 1.0))
    store([reading(shop.pk, T0 - late * 1_000 + 1_000 * (late < 3_600), 0.5)])
    assert list(LateHour.objects.values_list("t", flat=True)) == [T0 - HOUR + hour for hour in hours]
    assert Series.objects.filter(dirty_from=None).exists() is bool(hours)
    roll_up()
    assert (LateHour.objects.count(), Series.objects.filter(dirty_from__isnull=False).count()) == (0, 0)
    assert rollups("n", "inc", res=10) == [(1, 0.0), (1, 0.5)]


def test_late_samples_of_many_hours_are_rolled_up_hour_by_hour(send, shop):
    send((0, 100.0))
    store([reading(shop.pk, T0 - hour * HOUR, 100.0 - hour) for hour in range(1, 24)])
    while roll_up():
        pass
    assert rollups("n", "inc", res=3600) == [(1, 0.0)] + [(1, 1.0)] * 23
    assert LateHour.objects.count() == 0


def expire_raw():
    """What retention does to samples."""
    Sample.objects.all().delete()


def test_the_step_from_a_sample_that_has_expired_is_still_known(send, monkeypatch):
    send((0, 10.0))
    expire_raw()
    at(monkeypatch, T0 + DAY)
    send((86_000, 17.0))
    assert rollups("inc") == [(0.0,), (7.0,)]
    assert rollups("inc", res=3600) == [(0.0,), (7.0,)]


def test_a_bucket_whose_samples_have_expired_is_closed(send):
    send((0, 10.0), (5, 11.0))
    before = [rollups(res=res) for res in (10, 60, 3600)]
    expire_raw()
    send((7, 99.0))
    assert [rollups(res=res) for res in (10, 60, 3600)] == before


def test_a_silent_series_finds_its_minute_whole_when_its_buckets_of_ten_seconds_have_expired(send, monkeypatch):
    send((0, 10.0), (10, 11.0))
    Rollup.objects.filter(res=10).delete()
    at(monkeypatch, T0 + 23 * HOUR)
    send((15, 11.5))
    assert rollups("n", "sum", "inc") == [(3, 32.5, 1.5)]


def test_a_late_sample_finds_its_hour_whole_when_its_buckets_of_ten_seconds_have_expired(send, monkeypatch):
    send((0, 10.0), (10, 11.0), (70, 12.0))
    Rollup.objects.filter(res=10).delete()
    at(monkeypatch, T0 + 23 * HOUR)
    send((23 * 3_600, 20.0))
    send((15, 11.5))
    assert rollups("n", "sum", "inc")[0] == (3, 32.5, 1.5)
    assert rollups("n", "inc", res=3600)[0] == (4, 2.0)


seconds = st.integers(0, 400) | st.integers(0, 3 * 3_600)
points = st.dictionaries(seconds, st.integers(-50, 50).map(float), min_size=1, max_size=40)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(points=points, order=st.randoms(use_true_random=False), cuts=st.lists(st.integers(0, 80), max_size=4))
def test_shuffled_split_and_repeated_batches_give_the_same_rollups(db, points, order, cuts):
    source, _made = Source.objects.get_or_create(name="either")
    Series.objects.all().delete()
    tidy = [reading(source.pk, T0 + second * 1_000, value, metric="tidy") for second, value in sorted(points.items())]
    mixed = [tidy_one._replace(identity=tidy_one.identity._replace(metric="mixed")) for tidy_one in tidy] * 2
    order.shuffle(mixed)
    for start, end in pairwise([0, *sorted(cuts), len(mixed)]):
        store(mixed[start:end])
        if order.random() < 0.7:
            roll_up()
    store(tidy)
    while roll_up():
        pass
    mixed_up, in_order = (computed(name) for name in ("mixed", "tidy"))
    assert mixed_up == in_order == expected(points)


def computed(name):
    rows = Rollup.objects.filter(series__name=name).order_by("res", "t")
    return list(rows.values_list("res", *FIELDS))


def expected(points):
    """What the roll-ups are by their definition, from all samples at once."""
    out = []
    pairs = sorted(points.items())
    steps = {now: value - was if value >= was else value for (_then, was), (now, value) in pairwise(pairs)}
    for res in (10, 60, 3600):
        for bucket, group in groupby(pairs, lambda pair, res=res: pair[0] // res):
            times, values = zip(*group, strict=True)
            inc = sum(steps.get(second, 0.0) for second in times)
            ends = values[0], values[-1], T0 + times[-1] * 1_000
            start = T0 + bucket * res * 1_000
            out.append((res, start, len(values), sum(values), min(values), max(values), *ends, inc))
    return out
