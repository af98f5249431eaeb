"""What new samples mean for boards."""

from __future__ import annotations

import pytest

from metrics.boards.changes import announce
from metrics.boards.models import Board
from metrics.boards.verbs import put_on_board
from metrics.kpis.models import KPI
from metrics.kpis.verbs import make_kpi
from metrics.series.storing import Stored
from tests.metrics.kpis.arranging import NOW, a_series, push

pytestmark = pytest.mark.django_db


@pytest.fixture
def orders():
    """A KPI on the board `ops`, whose metric nobody has sent yet."""
    kpi = make_kpi(KPI(metric="orders"))
    for slug in ("ops", "other"):
        Board.objects.create(slug=slug, name=slug)
    put_on_board(Board.objects.get(slug="ops"), kpi)
    return kpi


def test_a_sample_publishes_the_boards_that_show_it(orders, published):
    announce(push("orders", 1.0))
    with published() as topics:
        announce(push("orders", 2.0, ts=NOW + 1000))
    assert topics == {"board.ops"}


def test_a_sample_that_no_board_shows_publishes_nothing(orders, published):
    announce(push("refunds", 1.0))
    with published() as topics:
        announce(push("refunds", 2.0, ts=NOW + 1000))
    assert topics == set()


def test_a_new_series_is_bound_and_shown_at_once(orders, published):
    with published() as topics:
        announce(push("orders", 1.0))
    assert orders.series.count() == 1
    assert topics == {"board.ops", "arrivals.all"}


def test_a_new_series_without_a_kpi_is_an_arrival(orders, published):
    with published() as topics:
        announce(push("refunds", 1.0))
    assert topics == {"arrivals.all"}


def test_a_series_that_was_never_announced_is_bound_with_its_next_sample(orders):
    """The process may have died between the two transactions."""
    push("orders", 1.0)
    announce(push("orders", 2.0, ts=NOW + 1000))
    assert orders.series.count() == 1


def test_a_repeated_sample_publishes_nothing(orders, published):
    announce(push("orders", 1.0))
    with published() as topics:
        announce(push("orders", 1.0))
    assert topics == set()


def test_two_queries_when_nothing_is_new(orders, django_assert_num_queries):
    announce(push("orders", 1.0))
    stored = push("orders", 2.0, ts=NOW + 1000)
    with django_assert_num_queries(2):
        announce(stored)
    with django_assert_num_queries(0):
        announce(Stored())


def test_very_many_series_publish_the_boards_too(orders, published, django_assert_num_queries):
    series = {a_series("orders", labels={"n": str(n)}).pk for n in range(600)}
    announce(Stored(touched=frozenset(series)))
    with published() as topics, django_assert_num_queries(2):
        announce(Stored(touched=frozenset(series)))
    assert topics == {"board.ops"}
