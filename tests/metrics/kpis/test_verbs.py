"""Making, changing and removing KPIs."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from metrics.boards.models import Board
from metrics.boards.verbs import put_on_board
from metrics.kpis.models import KPI
from metrics.kpis.naming import humanised
from metrics.kpis.verbs import change_kpi, make_kpi, remove_kpi
from tests.metrics.kpis.arranging import a_series

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "metric, name",
    [
        ("orders", "Orders"),
        ("http.requests_total", "Http requests total"),
        ("queue:depth/max", "Queue depth max"),
        ("Заказы", "Заказы"),
        ("...", "..."),
    ],
)
def test_a_name_is_made_from_the_metric(metric, name):
    assert humanised(metric) == name


@pytest.mark.parametrize(
    "fields, slug",
    [
        ({"metric": "orders"}, "orders"),
        ({"metric": "orders", "name": "Orders per minute"}, "orders-per-minute"),
        ({"metric": "http_requests"}, "http-requests"),
        ({"metric": "orders", "name": "Заказы в час"}, "zakazy-v-chas"),
        ({"metric": "orders", "name": "Größe/Łódź"}, "grosse-lodz"),
        ({"metric": "заказы"}, "zakazy"),
        ({"metric": "orders", "name": "…"}, "orders"),
        ({"metric": "…"}, "kpi"),
        ({"metric": "x" * 200}, "x" * 54),
    ],
)
def test_a_slug_is_made_from_the_name(fields, slug):
    assert make_kpi(KPI(**fields)).slug == slug


def test_a_slug_is_made_unique():
    assert [make_kpi(KPI(metric="orders")).slug for _ in range(3)] == ["orders", "orders-2", "orders-3"]
    assert [make_kpi(KPI(metric="n", name=name)).slug for name in ("Цена", "Cena", "Tsena")] == [
        "tsena",
        "cena",
        "tsena-2",
    ]


def test_a_slug_stays_when_the_name_changes():
    kpi = make_kpi(KPI(metric="orders", name="Заказы"))
    kpi.name = "Возвраты"
    change_kpi(kpi)
    kpi.refresh_from_db()
    assert (kpi.name, kpi.slug) == ("Возвраты", "zakazy")


def test_the_unit_is_what_the_series_say_unless_it_is_given():
    a_series("orders", unit="kg")
    assert make_kpi(KPI(metric="orders")).unit == "kg"
    assert make_kpi(KPI(metric="orders", unit="t")).unit == "t"


@pytest.mark.parametrize(
    "limits",
    [
        {"warn": 95, "critical": 80},
        {"warn": 5, "critical": 10, "direction": "below"},
        {"warn": float("nan")},
        {"critical": float("inf")},
        {"stale_after_s": 0},
        {"precision": 10},
        {"labels": ["eu"]},
        {"labels": {"region": 1}},
        {"metric": ""},
    ],
)
def test_a_kpi_that_makes_no_sense_is_refused(limits):
    with pytest.raises(ValidationError):
        make_kpi(KPI(**{"metric": "orders", "name": "Orders"} | limits))
    assert not KPI.objects.filter(name="Orders").exists()


@pytest.mark.parametrize(
    "limits",
    [
        {"warn": 80, "critical": 80},
        {"warn": 80, "critical": 95},
        {"warn": 10, "critical": 5, "direction": "below"},
        {"critical": 0},
        {"warn": -1},
    ],
)
def test_limits_in_order_are_taken(limits):
    make_kpi(KPI(metric="orders", **limits))


@pytest.mark.parametrize(
    "limits", [{"warn": 95, "critical": 80}, {"critical": float("inf")}, {"critical": -1e301}, {"stale_after_s": 0}]
)
def test_the_database_itself_refuses_bad_limits(limits):
    kpi = make_kpi(KPI(metric="orders"))
    with pytest.raises(IntegrityError), transaction.atomic():
        KPI.objects.filter(pk=kpi.pk).update(**limits)


def test_a_change_is_stored_with_a_new_version_and_the_boards_are_published(published):
    kpi = make_kpi(KPI(metric="orders"))
    put_on_board(Board.objects.create(slug="ops", name="Ops"), kpi)
    Board.objects.create(slug="other", name="Other")
    with published() as topics:
        kpi.warn = 7
        change_kpi(kpi)
    kpi.refresh_from_db()
    assert (kpi.warn, kpi.version) == (7, 1)
    assert topics == {"board.ops"}


def test_a_change_leaves_what_others_counted():
    kpi = make_kpi(KPI(metric="orders"))
    KPI.objects.filter(pk=kpi.pk).update(version=41)
    change_kpi(kpi)
    kpi.refresh_from_db()
    assert kpi.version == 42


def test_a_removed_kpi_leaves_its_boards(published):
    kpi = make_kpi(KPI(metric="orders"))
    board = Board.objects.create(slug="ops", name="Ops")
    put_on_board(board, kpi)
    board.refresh_from_db()
    before = board.version
    with published() as topics:
        remove_kpi(kpi)
    board.refresh_from_db()
    assert board.version == before + 1
    assert not KPI.objects.filter(slug="orders").exists()
    assert not board.tiles.exists()
    assert topics == {"board.ops"}


def test_a_refused_change_publishes_nothing(published):
    kpi = make_kpi(KPI(metric="orders"))
    put_on_board(Board.objects.create(slug="ops", name="Ops"), kpi)
    kpi.warn, kpi.critical = 9, 1
    with published() as topics, pytest.raises(ValidationError):
        change_kpi(kpi)
    assert topics == set()
