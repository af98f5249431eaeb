"""Which series a KPI is made of."""

from __future__ import annotations

import pytest

from metrics.kpis.matching import FEW, bind_missing, matches
from metrics.kpis.models import KPI
from metrics.kpis.verbs import change_kpi, make_kpi
from tests.metrics.kpis.arranging import a_series, a_source

pytestmark = pytest.mark.django_db


def bound(kpi):
    return set(kpi.series.values_list("pk", flat=True))


@pytest.mark.parametrize(
    "wanted, labels, expected",
    [
        ({}, {}, True),
        ({}, {"region": "eu"}, True),
        ({"region": "eu"}, {"region": "eu", "shop": "a"}, True),
        ({"region": "eu"}, {"region": "us"}, False),
        ({"region": "eu"}, {}, False),
        ({"region": "eu", "shop": "a"}, {"region": "eu"}, False),
    ],
)
def test_labels_must_include_what_is_wanted(wanted, labels, expected):
    assert matches(wanted, labels) is expected


def test_a_new_kpi_is_bound_to_the_series_of_its_metric_and_to_no_other():
    mine, _other = a_series("orders"), a_series("refunds")
    assert bound(make_kpi(KPI(metric="orders"))) == {mine.pk}


def test_a_kpi_of_one_source_is_not_bound_to_another_ones_series():
    mine = a_series("orders", source=a_source("shop"))
    a_series("orders", source=a_source("market"))
    assert bound(make_kpi(KPI(metric="orders", source=a_source("shop")))) == {mine.pk}


def test_a_kpi_with_labels_is_bound_to_series_that_have_them():
    mine = a_series("orders", labels={"region": "eu", "shop": "a"})
    a_series("orders", labels={"region": "us"})
    assert bound(make_kpi(KPI(metric="orders", labels={"region": "eu"}))) == {mine.pk}


def test_a_changed_kpi_is_bound_anew():
    old, new = a_series("orders"), a_series("refunds")
    kpi = make_kpi(KPI(metric="orders"))
    assert bound(kpi) == {old.pk}
    kpi.metric = "refunds"
    change_kpi(kpi)
    assert bound(kpi) == {new.pk}


def test_a_series_that_arrives_is_bound_to_every_kpi_that_it_matches():
    everywhere = make_kpi(KPI(metric="orders"))
    europe = make_kpi(KPI(metric="orders", labels={"region": "eu"}))
    america = make_kpi(KPI(metric="orders", labels={"region": "us"}))
    series = a_series("orders", labels={"region": "eu"})
    bind_missing({series.pk})
    assert (bound(everywhere), bound(europe), bound(america)) == ({series.pk}, {series.pk}, set())


def test_binding_gives_the_kpi_a_new_version_once():
    kpi = make_kpi(KPI(metric="orders"))
    series = a_series("orders")
    before = kpi.version
    bind_missing({series.pk})
    bind_missing({series.pk})
    kpi.refresh_from_db()
    assert kpi.version == before + 1


def test_a_series_that_got_no_sample_waits():
    kpi = make_kpi(KPI(metric="orders"))
    a_series("orders")
    bind_missing({a_series("refunds").pk})
    assert bound(kpi) == set()


def test_a_series_that_one_kpi_has_is_bound_to_another_that_missed_it():
    series = a_series("orders")
    first, second = make_kpi(KPI(metric="orders")), make_kpi(KPI(metric="orders"))
    second.series.clear()  # as when series and KPI are made at the same moment
    bind_missing({series.pk})
    assert bound(first) == bound(second) == {series.pk}


def test_looking_for_what_is_unbound_takes_one_query(django_assert_num_queries):
    make_kpi(KPI(metric="orders", labels={"region": "us"}))
    series = [a_series("orders", labels={"region": "eu", "n": str(n)}).pk for n in range(20)]
    with django_assert_num_queries(1):
        bind_missing(set(series))
    with django_assert_num_queries(0):
        bind_missing(set())


def test_very_many_series_are_bound_too():
    kpi = make_kpi(KPI(metric="orders"))
    series = {a_series("orders", labels={"n": str(n)}).pk for n in range(FEW + 1)}
    bind_missing(series)
    assert bound(kpi) == series
