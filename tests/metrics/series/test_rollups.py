from __future__ import annotations

import math
import random
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics.series.models import Rollup, Sample, Series
from metrics.series.rollups import roll_up
from metrics.series.storing import store
from metrics.sources.models import Source
from tests.metrics.series.arranging import T0, reading

pytestmark = pytest.mark.django_db

FIELDS = ("t", "n", "sum", "min", "max", "first", "last", "last_ts", "inc")
MINUTE = 60_000


@pytest.fixture
def send(shop):
    """`send((second, value), …)`: store samples of one series at these seconds after T0, and roll up."""

    def send(*points):
        store([reading(shop.pk, T0 + round(second * 1_000), value) for second, value in points])
        roll_up()

    return send


def rollups(*fields):
    return list(Rollup.objects.order_by("t").values_list(*(fields or FIELDS)))


def test_a_bucket_tells_what_its_samples_come_to(send):
    send((0, 3.0), (20, 9.0), (59.999, 5.0))
    assert rollups() == [(T0, 3, 17.0, 3.0, 9.0, 3.0, 5.0, T0 + 59_999, 11.0)]
    assert Rollup.objects.get().res == 60


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
    assert sorted(Rollup.objects.values_list("series__name", "n", "inc")) == [
        ("a", 1, 10.0), ("a", 2, 10.0), ("b", 1, 10.0), ("b", 2, 10.0),
    ]  # fmt: skip


def test_a_batch_takes_as_many_series_as_it_may_and_leaves_the_others_dirty(shop):
    store([reading(shop.pk, metric=name) for name in "abc"])
    assert [roll_up(batch=2), roll_up(batch=2), roll_up(batch=2)] == [2, 1, 0]
    assert Rollup.objects.count() == 3


def test_values_at_the_end_of_the_range_do_not_stop_the_rollups(send):
    most = 1.7976931348623157e308
    send((0, most), (1, most), (2, -most), (3, -most), (4, most), (60, most), (61, most))
    assert rollups("n", "min", "max", "last") == [(5, -most, most, most), (2, most, most, most)]
    assert all(math.isfinite(number) for row in rollups("sum", "inc") for number in row)


def test_long_sums_are_as_exact_as_floats_allow(send):
    send(*((n / 2, 0.1) for n in range(100)))
    assert rollups("sum")[0][0] == pytest.approx(10.0)


points = st.dictionaries(st.integers(0, 400), st.integers(-50, 50).map(float), min_size=1, max_size=40)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(points=points, order=st.randoms(use_true_random=False), cuts=st.lists(st.integers(0, 60), max_size=4))
def test_shuffled_split_and_repeated_batches_give_the_same_rollups(db, points, order, cuts):
    source, _made = Source.objects.get_or_create(name="either")
    Series.objects.all().delete()
    tidy = [reading(source.pk, T0 + second * 1_000, value, metric="tidy") for second, value in sorted(points.items())]
    mixed = [tidy_one._replace(identity=tidy_one.identity._replace(metric="mixed")) for tidy_one in tidy] * 2
    order.shuffle(mixed)
    edges = [0, *sorted(cuts), len(mixed)]
    for start, end in pairwise(edges):
        store(mixed[start:end])
        roll_up()
    store(tidy)
    roll_up()
    both = [
        list(Rollup.objects.filter(series__name=name).order_by("t").values_list(*FIELDS)) for name in ("tidy", "mixed")
    ]
    assert both[0] == both[1]
    assert sum(row[1] for row in both[0]) == len(points) == Sample.objects.filter(series__name="tidy").count()
