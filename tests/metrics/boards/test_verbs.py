"""What is done with boards."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from metrics.boards.models import Board, BoardTile
from metrics.boards.verbs import (
    make_default,
    make_tile,
    put_on_board,
    remove_board,
    remove_source,
    reorder,
    save_board,
    take_off_board,
)
from metrics.kpis.models import KPI
from metrics.kpis.verbs import make_kpi
from tests.metrics.kpis.arranging import a_series, a_source

pytestmark = pytest.mark.django_db


@pytest.fixture
def ops():
    return Board.objects.create(slug="ops", name="Ops")


@pytest.fixture
def main():
    return Board.objects.get_or_create(slug="main", defaults={"name": "Main", "is_default": True})[0]


def kpis(board):
    return list(board.tiles.values_list("kpi__slug", flat=True))


def version(board):
    return Board.objects.get(pk=board.pk).version


def test_a_new_board_gets_a_short_name_from_its_name(ops):
    board = Board(name="Ops")
    save_board(board)
    assert board.slug == "ops-2"


def test_a_board_named_in_another_script_gets_an_address_that_can_be_read():
    boards = [Board(name=name) for name in ("Ночная смена", "Ночная смена!", "夜勤")]
    for board in boards:
        save_board(board)
    assert [board.slug for board in boards] == ["nochnaya-smena", "nochnaya-smena-2", "yeqin"]


def test_a_new_board_may_bring_its_short_name(ops):
    save_board(Board(name="Night shift", slug="night"))
    assert Board.objects.get(slug="night").name == "Night shift"
    with pytest.raises(ValidationError):
        save_board(Board(name="Night shift", slug="night"))


def test_a_renamed_board_keeps_its_address_and_is_published(ops, published):
    before = version(ops)
    with published() as topics:
        ops.name = "Operations"
        save_board(ops)
    ops.refresh_from_db()
    assert (ops.slug, ops.name, ops.version) == ("ops", "Operations", before + 1)
    assert topics == {"board.ops"}


def test_tiles_are_put_at_the_end_once(ops, published):
    first, second = make_kpi(KPI(metric="orders")), make_kpi(KPI(metric="refunds"))
    with published() as topics:
        for kpi in (first, second, first):
            put_on_board(ops, kpi)
    assert kpis(ops) == ["orders", "refunds"]
    assert topics == {"board.ops"}


def test_a_tile_may_be_put_first(ops):
    put_on_board(ops, make_kpi(KPI(metric="orders")), position=5)
    put_on_board(ops, make_kpi(KPI(metric="refunds")), position=0)
    assert kpis(ops) == ["refunds", "orders"]


def test_a_tile_is_taken_off_and_its_kpi_stays(ops, published):
    kpi = make_kpi(KPI(metric="orders"))
    put_on_board(ops, kpi)
    with published() as topics:
        take_off_board(ops, kpi)
    assert (kpis(ops), topics) == ([], {"board.ops"})
    assert KPI.objects.filter(pk=kpi.pk).exists()


def test_tiles_are_reordered_and_those_not_named_follow(ops, published):
    made = [make_kpi(KPI(metric=metric)) for metric in "abcd"]
    for kpi in made:
        put_on_board(ops, kpi)
    with published() as topics:
        reorder(ops, [made[3].pk, made[1].pk])
    assert kpis(ops) == ["d", "b", "a", "c"]
    assert topics == {"board.ops"}


def test_the_default_board_cannot_be_removed(main, ops, published):
    with pytest.raises(ValidationError, match="default"):
        remove_board(main)
    with published() as topics:
        remove_board(ops)
    assert Board.objects.filter(slug="main").exists()
    assert not Board.objects.filter(slug="ops").exists()
    assert topics == {"board.ops"}


def test_another_board_becomes_the_default(main, ops, published):
    with published() as topics:
        make_default(ops)
    assert list(Board.objects.filter(is_default=True)) == [ops]
    assert topics == {"board.main", "board.ops"}
    make_default(ops)
    assert list(Board.objects.filter(is_default=True)) == [ops]


def test_the_database_itself_refuses_a_second_default(main, ops):
    with pytest.raises(IntegrityError), transaction.atomic():
        Board.objects.update(is_default=True)


def test_the_database_itself_refuses_a_kpi_twice_on_a_board(ops):
    kpi = make_kpi(KPI(metric="orders"))
    put_on_board(ops, kpi)
    with pytest.raises(IntegrityError), transaction.atomic():
        BoardTile.objects.create(board=ops, kpi=kpi)


def test_what_arrives_becomes_a_tile_once(ops, published):
    a_series("orders", [1.0], unit="kg")
    with published() as topics:
        first, second = make_tile(ops, "orders"), make_tile(ops, "orders")
    assert first == second
    assert (first.name, first.slug, first.unit, first.series.count()) == ("Orders", "orders", "kg", 1)
    assert (kpis(ops), topics) == (["orders"], {"board.ops"})


def test_the_same_metric_may_be_a_tile_of_another_board(ops, main):
    make_tile(ops, "orders")
    assert make_tile(main, "orders").slug == "orders-2"


def test_nothing_is_no_metric(ops):
    with pytest.raises(ValidationError):
        make_tile(ops, "")
    assert kpis(ops) == []


def test_a_removed_source_takes_its_numbers_along_and_boards_are_told(ops, published):
    a_series("orders", [1.0, 2.0])
    kpi = make_tile(ops, "orders")
    with published() as topics:
        remove_source(a_source())
    assert not kpi.series.exists()
    assert topics == {"board.ops"}


def test_a_source_that_a_kpi_is_made_for_stays(ops):
    make_kpi(KPI(metric="orders", source=a_source()))
    with pytest.raises(ProtectedError):
        remove_source(a_source())
