"""Reading many KPIs at once, from a real database."""

from __future__ import annotations

import pytest

from metrics.kpis.evaluation import Change
from metrics.kpis.models import KPI
from metrics.kpis.reading import MOST_DRAWN, READ, evaluate_all
from metrics.kpis.samples import as_of, newest
from metrics.kpis.verbs import make_kpi
from metrics.series.horizons import DAY_MS
from metrics.series.models import Sample, Series
from tests.metrics.kpis.arranging import NOW, a_series

pytestmark = pytest.mark.django_db


def only(kpi, now=NOW):
    return evaluate_all([kpi], now)[kpi.pk]


def test_the_newest_samples_of_each_series_are_read():
    one, other = a_series("a", range(100)), a_series("b", [5.0], interval_ms=None)
    found = newest([one.pk, other.pk], 3)
    assert found == {one.pk: [(NOW - 2000, 97.0), (NOW - 1000, 98.0), (NOW, 99.0)], other.pk: [(NOW, 5.0)]}


def test_samples_before_a_gap_of_days_count_among_the_newest():
    series = a_series("a", [3.0, 4.0])
    before = [(NOW - 3 * DAY_MS - ago, float(ago)) for ago in (2, 1)]
    Sample.objects.bulk_create(Sample(series=series, ts=ts, value=value) for ts, value in before)
    Series.objects.filter(pk=series.pk).update(total=4)
    now = [(NOW - 1000, 3.0), (NOW, 4.0)]
    assert [newest([series.pk], count)[series.pk] for count in (2, 3, 9)] == [now, [before[1], *now], [*before, *now]]


def test_a_series_without_samples_has_none():
    assert newest([a_series("a").pk], 3) == {}
    assert newest([], 3) == {}


def test_a_sample_as_of_a_moment_is_the_newest_that_is_not_later():
    series = a_series("a", [1.0, 2.0, 3.0])
    moments = {(series.pk, NOW - 1000), (series.pk, NOW - 1001), (series.pk, NOW + 5), (series.pk, NOW - 9999)}
    assert as_of(moments) == {
        (series.pk, NOW - 1000): (NOW - 1000, 2.0),
        (series.pk, NOW - 1001): (NOW - 2000, 1.0),
        (series.pk, NOW + 5): (NOW, 3.0),
    }


def test_a_kpi_is_the_sum_of_its_series():
    a_series("orders", [1.0, 2.0], labels={"shop": "a"})
    a_series("orders", [10.0, 20.0], labels={"shop": "b"})
    a_series("refunds", [500.0])
    found = only(make_kpi(KPI(metric="orders")))
    assert (found.value, found.live, found.drawn.line[-1]) == (22.0, 2, (NOW, 22.0))


def test_a_series_of_every_second_is_compared_with_a_minute_ago():
    a_series("orders", [100.0, *[1.0] * 59, 150.0])
    assert only(make_kpi(KPI(metric="orders"))).change.amount == 50.0


def test_a_series_that_is_quicker_than_what_is_read_is_compared_with_a_minute_ago():
    values = [100.0] + [1.0] * 299 + [150.0]
    a_series("orders", values, interval_ms=200)
    assert len(values) > READ
    assert only(make_kpi(KPI(metric="orders"))).change.amount == 50.0


def test_the_same_series_may_serve_two_kpis_of_different_moments():
    quick = [1.0] * 400
    a_series("orders", quick, interval_ms=200, labels={"shop": "a"})
    a_series("orders", quick, interval_ms=200, labels={"shop": "b"}, until=NOW + 3000)
    both, one = make_kpi(KPI(metric="orders")), make_kpi(KPI(metric="orders", labels={"shop": "a"}))
    found = evaluate_all([both, one], NOW)
    assert found[both.pk].change == found[one.pk].change == Change("flat", "flat", 0.0, True)
    assert (found[both.pk].at, found[one.pk].at) == (NOW + 3000, NOW)


def test_a_kpi_of_very_many_series_has_a_value_and_a_change_and_no_line():
    for n in range(MOST_DRAWN + 1):
        a_series("orders", [1.0, *[5.0] * 59, 2.0], labels={"n": str(n)})
    found = only(make_kpi(KPI(metric="orders")))
    assert (found.value, found.live) == (2.0 * (MOST_DRAWN + 1), MOST_DRAWN + 1)
    assert found.change.amount == 100.0
    assert found.drawn.line == ()


def test_a_kpi_whose_metric_never_came_has_no_data():
    assert only(make_kpi(KPI(metric="orders"))).status == "none"


def test_the_number_of_queries_does_not_depend_on_the_number_of_kpis(django_assert_num_queries):
    kpis = []
    for n in range(50):
        a_series(f"metric{n}", [1.0] * 70)
        kpis.append(make_kpi(KPI(metric=f"metric{n}")))
    with django_assert_num_queries(2):
        assert len(evaluate_all(kpis, NOW)) == 50


def test_no_kpis_read_nothing_much(django_assert_max_num_queries):
    with django_assert_max_num_queries(1):
        assert evaluate_all([], NOW) == {}


def test_what_restarts_left_behind_is_not_read():
    """A sender that names its process leaves a series with each restart."""
    for n in range(MOST_DRAWN + 5):
        a_series("orders", [1.0] * 60, labels={"process": str(n)}, until=NOW - 120_000)
    a_series("orders", [2.0] * 60, labels={"process": "now"})
    found = only(make_kpi(KPI(metric="orders")))
    assert (found.value, found.live) == (2.0, 1)
    assert [value for _ts, value in found.drawn.line] == [2.0] * 60


def test_what_stopped_a_moment_ago_is_in_the_change_and_in_the_line():
    a_series("orders", [30.0] * 100, labels={"shop": "a"}, until=NOW - 30_000)
    a_series("orders", [10.0] * 100, labels={"shop": "b"})
    found = only(make_kpi(KPI(metric="orders")))
    assert (found.value, found.change.amount) == (10.0, -75.0)
    assert found.drawn.line[0][1] == 40.0


def test_a_slow_series_beside_a_quick_one_is_read():
    a_series("orders", [5.0] * 3, labels={"shop": "slow"}, interval_ms=3_600_000, until=NOW - 3_000_000)
    a_series("orders", [1.0] * 64, labels={"shop": "quick"})
    assert only(make_kpi(KPI(metric="orders"))).value == 6.0


def test_a_sender_whose_clock_is_ahead_does_not_hide_the_others():
    a_series("orders", [1.0] * 600, labels={"shop": "ahead"}, until=NOW + 300_000)
    a_series("orders", [10.0] * 64, labels={"shop": "right"})
    found = only(make_kpi(KPI(metric="orders")))
    assert (found.value, found.live, found.change.direction) == (11.0, 2, "flat")
