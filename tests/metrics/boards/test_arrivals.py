"""Metrics that arrive and that no KPI uses."""

from __future__ import annotations

import pytest

from live.clock import now_ms
from live.people import GUEST, Person
from live.presence.roster import Roster
from live.push.healing import versions
from live.push.topics import Context
from metrics.boards import arrivals
from metrics.boards.arrivals import MOST, WITHIN_MS, ArrivalsTopic
from metrics.kpis.models import KPI
from metrics.kpis.verbs import make_kpi
from metrics.series.models import Series
from tests.metrics.kpis.arranging import a_series, a_source, push

pytestmark = pytest.mark.django_db


@pytest.fixture
def now(monkeypatch):
    now = now_ms()
    monkeypatch.setattr(arrivals, "now_ms", lambda: now)
    return now


def load(now, key="all"):
    return ArrivalsTopic(key).load(Context(now, Roster("test")), None)


def offered(state):
    return [part.data.metric for part in state.regions[0].parts]


def version():
    return versions(["arrivals.all"])["arrivals.all"]


def test_only_who_may_add_kpis_is_told():
    audience = ArrivalsTopic.audiences(["all"])["all"]
    assert audience.admits(Person(id=1, permissions=frozenset(["metrics.add_kpi"])))
    assert not audience.admits(Person(id=2))
    assert not audience.admits(GUEST)


def test_there_is_one_topic_of_this_kind(now):
    assert ArrivalsTopic.audiences(["some"]) == {}
    assert load(now, "some") is None


def test_a_metric_without_a_kpi_is_offered_with_its_source(now):
    series = a_series("orders", [1.0], until=now)
    [part] = load(now).regions[0].parts
    assert (part.id, part.data.id) == (f"arrival-{series.pk}", f"arrival-{series.pk}")
    assert (part.data.metric, part.data.source, part.data.at) == ("orders", "shop", series.created_at)


def test_a_metric_with_a_kpi_is_not_offered(now):
    a_series("orders", [1.0], until=now)
    make_kpi(KPI(metric="orders"))
    assert offered(load(now)) == []


def test_our_own_figures_are_not_offered(now):
    a_series("host.disk.mount.used", [1.0], until=now, source=a_source("host", "host"))
    a_series("watchfloor.x", [1.0], until=now, source=a_source("watchfloor", "own"))
    assert offered(load(now)) == []


def test_a_metric_of_many_series_is_offered_once(now):
    for n in range(5):
        a_series("orders", [1.0], until=now, labels={"n": str(n)})
    assert offered(load(now)) == ["orders"]


def test_the_newest_metrics_come_first_and_there_is_a_limit(now):
    for n in range(MOST + 2):
        a_series(f"metric{n}", [1.0], until=now)
    assert offered(load(now)) == [f"metric{n}" for n in reversed(range(2, MOST + 2))]


def test_what_fell_silent_is_offered_for_ten_minutes(now):
    a_series("orders", [1.0], until=now)
    state = load(now)
    assert state.next_change_at == now + WITHIN_MS
    assert offered(load(now + WITHIN_MS - 1)) == ["orders"]
    assert offered(load(state.next_change_at)) == []


def test_the_version_is_that_of_the_state(now):
    assert version() == load(now).version
    a_series("orders", [1.0], until=now)
    assert version() == load(now).version


@pytest.mark.parametrize(
    "act",
    [
        lambda now: a_series("refunds", [1.0], until=now),
        lambda now: make_kpi(KPI(metric="orders")),
        lambda now: Series.objects.update(last_ts=now - WITHIN_MS),
    ],
    ids=["arrived", "used", "silent"],
)
def test_the_version_changes_with_the_offers(act, now):
    a_series("orders", [1.0], until=now)
    before = version()
    act(now)
    assert version() != before


def test_more_samples_of_the_same_change_nothing(now):
    push("orders", 1.0, ts=now)
    before, parts = version(), load(now).regions
    push("orders", 2.0, ts=now + 1000)
    assert (version(), load(now).regions) == (before, parts)


def test_two_thousand_series_cost_three_queries(now, django_assert_num_queries):
    rows = [Series(source=a_source(), name=f"m{n}", key=n.to_bytes(16), last_ts=now) for n in range(2_000)]
    Series.objects.bulk_create(rows)
    with django_assert_num_queries(3):
        assert len(offered(load(now))) == MOST
