"""A board as pages watch it: who may, what changed, what it looks like."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group

from live.people import GUEST, Person
from live.presence.roster import Roster
from live.push.healing import versions
from live.push.rendering import print_part, render
from live.push.topics import Context, View
from metrics.boards.models import Board
from metrics.boards.topic import BoardTopic
from metrics.boards.verbs import make_default, put_on_board, reorder, save_board, take_off_board
from metrics.kpis.models import KPI
from metrics.kpis.verbs import change_kpi, make_kpi, remove_kpi
from metrics.series.models import Series
from tests.metrics.kpis.arranging import NOW, a_series, a_source, push

pytestmark = pytest.mark.django_db


def load(slug="ops", now=NOW):
    return BoardTopic(slug).load(Context(now, Roster("test")), None)


def version():
    return versions(["board.ops"])["board.ops"]


@pytest.fixture
def board():
    return Board.objects.create(slug="ops", name="Ops", access="public")


@pytest.fixture
def orders(board):
    a_series("orders", [1.0, 2.0])
    kpi = make_kpi(KPI(metric="orders"))
    put_on_board(board, kpi)
    return kpi


def tiles(state):
    return [part.id for part in state.regions[0].parts]


# Who


def test_a_public_board_is_for_everybody(board):
    assert BoardTopic.audiences(["ops"])["ops"].admits(GUEST)


def test_a_board_for_groups_is_for_their_members_only(board):
    traders = Group.objects.create(name="Traders")
    board.access = "groups"
    board.save()
    board.groups.add(traders)
    audience = BoardTopic.audiences(["ops"])["ops"]
    assert audience.admits(Person(id=1, groups=frozenset([traders.pk])))
    assert not audience.admits(Person(id=2))
    assert not audience.admits(GUEST)


def test_a_board_that_is_not_there_is_no_topic(board):
    assert BoardTopic.audiences(["nope"]) == {}
    assert load("nope") is None
    assert versions(["board.nope"]) == {}


# What


def test_tiles_come_in_the_boards_order(board, orders):
    refunds = make_kpi(KPI(metric="refunds"))
    put_on_board(board, refunds)
    assert tiles(load()) == ["tile-orders", "tile-refunds"]
    reorder(board, [refunds.pk])
    assert tiles(load()) == ["tile-refunds", "tile-orders"]


def test_a_tile_of_another_board_is_not_shown(board, orders):
    put_on_board(Board.objects.create(slug="other", name="Other"), make_kpi(KPI(metric="refunds")))
    assert tiles(load()) == ["tile-orders"]


def test_an_empty_board_says_so(board):
    assert tiles(load()) == ["board-empty"]


def test_the_board_has_a_verdict_and_a_title_beside_its_tiles(board, orders):
    _tiles, verdict, title = load().regions
    assert (verdict.target, verdict.parts[0].id, verdict.parts[0].data.ok) == ("", "board-verdict", 1)
    assert (title.target, title.parts[0].id, title.parts[0].data.name) == ("", "board-title", "Ops")


def test_a_board_changes_by_the_clock_when_its_first_tile_turns_stale(board, orders):
    state = load()
    assert state.next_change_at == NOW + 5_000
    later = load(now=state.next_change_at)
    assert [part.data.status for part in later.regions[0].parts] == ["stale"]
    assert later.version == state.version
    assert later.next_change_at is None


def test_nothing_but_the_clock_and_the_database_decides(board, orders):
    """Healing loads a board anyway once a minute; it must find what it has."""
    assert load(now=NOW) == load(now=NOW + 4_999)


def test_every_part_is_printed_the_same_for_a_page_and_for_a_push(board, orders):
    for region in load().regions:
        for part in region.parts:
            assert render(part, View("en", "UTC")) == print_part(part).strip()
            assert f'id="{part.id}"' in print_part(part)


# Changed


@pytest.mark.parametrize(
    "act",
    [
        lambda board, kpi: push("orders", 3.0, ts=NOW + 1000),
        lambda board, kpi: put_on_board(board, make_kpi(KPI(metric="refunds"))),
        lambda board, kpi: take_off_board(board, kpi),
        lambda board, kpi: reorder(board, [kpi.pk]),
        lambda board, kpi: change_kpi(kpi),
        lambda board, kpi: remove_kpi(kpi),
        lambda board, kpi: save_board(board),
        lambda board, kpi: make_default(board),
        lambda board, kpi: Series.objects.update(stale_at=NOW),
    ],
    ids=["sample", "put", "take", "reorder", "change", "remove", "save", "default", "ended"],
)
def test_the_version_changes_with(act, board, orders):
    before = version()
    act(board, orders)
    assert version() != before
    assert version() == load().version


def test_the_version_stays_while_nothing_changes(board, orders):
    before = version()
    a_series("refunds", [1.0])
    put_on_board(Board.objects.create(slug="other", name="Other"), orders)
    push("refunds", 3.0, ts=NOW + 1000)
    assert version() == before == load().version


def test_the_version_of_an_empty_board_is_known(board):
    assert version() == load().version


def test_many_boards_are_checked_in_one_query(board, orders, django_assert_num_queries):
    Board.objects.create(slug="other", name="Other")
    with django_assert_num_queries(1):
        assert set(versions(["board.ops", "board.other", "arrivals.all", "announcements.all"])) >= {
            "board.ops",
            "board.other",
            "arrivals.all",
        }


# Cost


@pytest.mark.parametrize("count", [1, 50])
def test_loading_takes_the_same_queries_for_any_number_of_tiles(board, count, django_assert_num_queries):
    source = a_source()
    for n in range(count):
        a_series(f"metric{n}", [1.0] * 70, source=source)
        put_on_board(board, make_kpi(KPI(metric=f"metric{n}")))
    with django_assert_num_queries(4):
        assert len(tiles(load())) == count
