"""A board's page: who sees it, what is on it, and the one click that makes a tile."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from live.chat.models import Room
from live.clock import now_ms
from live.push.reception import Claim, admit_all
from metrics.boards.consumers import BoardConsumer
from metrics.boards.models import Board
from metrics.boards.verbs import put_on_board
from metrics.kpis.models import KPI
from metrics.kpis.verbs import make_kpi
from tests.metrics.kpis.arranging import a_series

pytestmark = pytest.mark.django_db


@pytest.fixture
def private_room(main, charlie):
    """The board is public, its room is not."""
    room = Room.objects.create(slug="traders", name="Traders", access="groups")
    room.groups.set(charlie.groups.all())
    main.room = room
    main.save()
    return room


def html(response):
    return response.content.decode()


# Who sees a board


@pytest.mark.parametrize("address", ["/", "/boards/main/"])
def test_a_guest_sees_the_public_board(client, main, address):
    response = client.get(address)
    assert response.status_code == 200
    assert 'id="board-title"' in html(response)


def test_a_board_for_a_group_is_for_its_members_only(signed_in, trading, bob, charlie):
    assert signed_in(charlie).get("/boards/trading/").status_code == 200
    assert signed_in(bob).get("/boards/trading/").status_code == 404


def test_a_hidden_board_and_no_board_look_the_same(client, signed_in, trading, bob):
    for address in ("/boards/trading/", "/boards/nothing/"):
        assert signed_in(bob).get(address).status_code == 404
        guest = client.get(address)
        assert (guest.status_code, guest.url) == (302, f"/accounts/login/?next={address}")


def test_only_boards_that_one_may_see_are_listed(signed_in, main, trading, bob, charlie):
    itself = Board.objects.get(slug="watchfloor")
    assert list(signed_in(charlie).get("/").context["boards"]) == [main, trading, itself]
    assert list(signed_in(bob).get("/").context["boards"]) == [main, itself]


def test_who_may_not_see_the_default_board_gets_another_one(signed_in, main, trading, bob, charlie):
    Board.objects.filter(slug="watchfloor").delete()
    Board.objects.filter(pk=main.pk).update(access="groups")
    assert signed_in(charlie).get("/").context["board"] == trading
    assert signed_in(bob).get("/").status_code == 404


def test_a_page_is_only_read(client, main):
    assert client.post("/").status_code == 405
    assert client.get("/boards/main/tiles/").status_code == 405


# What is on it


def test_the_page_shows_the_tiles_and_names_its_socket(client, main):
    a_series("orders", [41.0, 42.0], until=now_ms())
    put_on_board(main, make_kpi(KPI(metric="orders")))
    page = html(client.get("/"))
    assert 'id="tile-orders"' in page
    assert "42" in page
    assert 'hx-ws:connect="/ws/boards/main/?lang=en"' in page


def test_the_room_is_on_the_page_of_who_may_see_it(signed_in, private_room, bob, charlie):
    assert signed_in(charlie).get("/").context["room"] == private_room
    outsider = signed_in(bob).get("/")
    assert outsider.context["room"] is None
    assert "room-traders-log" not in html(outsider)


def test_what_arrives_is_offered_to_who_may_add_kpis(signed_in, main, alice, bob):
    a_series("signups", [1.0], until=now_ms())
    assert "signups" in html(signed_in(alice).get("/"))
    assert "signups" not in html(signed_in(bob).get("/"))


@pytest.mark.parametrize("person", ["guest", "alice"])
def test_the_number_of_queries_does_not_depend_on_the_number_of_tiles(person, signed_in, client, main, alice):
    visitor = client if person == "guest" else signed_in(alice)
    counts = []
    for metric in ["a", *(f"metric{n}" for n in range(20))]:
        a_series(metric, [1.0] * 70, until=now_ms())
        put_on_board(main, make_kpi(KPI(metric=metric)))
        if metric in ("a", "metric19"):
            with CaptureQueriesContext(
                connection,
            ) as queries:
                assert visitor.get("/").status_code == 200
            counts.append(len(queries))
    assert counts[0] == counts[1] <= 24


# One click


def test_who_may_add_kpis_makes_a_tile_with_one_click(signed_in, main, alice):
    response = signed_in(alice).post("/boards/main/tiles/", {"metric": "signups"})
    assert (response.status_code, response.url) == (303, "/boards/main/")
    kpi = main.kpis.get(metric="signups")
    assert (kpi.slug, kpi.name) == ("signups", "Signups")


def test_others_make_no_tile(client, signed_in, main, bob):
    for visitor in (client, signed_in(bob)):
        assert visitor.post("/boards/main/tiles/", {"metric": "signups"}).status_code == 403
    assert not main.kpis.filter(metric="signups").exists()


def test_nobody_makes_a_tile_on_a_board_that_is_hidden_from_them(signed_in, trading, alice):
    assert signed_in(alice).post("/boards/trading/tiles/", {"metric": "signups"}).status_code == 404
    alice.groups.set(trading.groups.all())
    assert signed_in(alice).post("/boards/trading/tiles/", {"metric": "signups"}).status_code == 303


def test_with_htmx_the_page_stays_and_says_what_was_done(signed_in, main, alice):
    response = signed_in(alice).post("/boards/main/tiles/", {"metric": "signups"}, headers={"HX-Request": "true"})
    assert response.status_code == 200
    assert 'hx-target="#toasts"' in html(response)
    assert "Signups is on the board now." in html(response)


def test_a_metric_that_is_none_is_refused_with_a_reason(signed_in, main, alice):
    client, before = signed_in(alice), main.kpis.count()
    for metric in ("", "x" * 601):
        with_htmx = client.post("/boards/main/tiles/", {"metric": metric}, headers={"HX-Request": "true"})
        assert with_htmx.status_code == 422
        assert client.post("/boards/main/tiles/", {"metric": metric}).status_code == 303
    assert main.kpis.count() == before


# The socket


def admission(user, slug="main"):
    client = Client()
    if user.is_authenticated:
        client.force_login(user)
    cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
    headers = [(b"origin", b"http://testserver"), (b"cookie", cookies.encode())]
    consumer = BoardConsumer()
    consumer.scope = {"headers": headers, "url_route": {"kwargs": {"slug": slug}}}
    return admit_all([Claim(consumer.scope, slug, consumer.topics)])[0]


def admitted(user, slug="main"):
    return {topic.name for topic in admission(user, slug).topics}


def test_the_socket_of_a_board_brings_the_board_and_its_room(main):
    assert {"board.main", "room.general"} <= admitted(AnonymousUser())
    assert "arrivals.all" not in admitted(AnonymousUser())


def test_the_socket_brings_what_arrives_to_who_may_add_kpis(main, alice, bob):
    assert "arrivals.all" in admitted(alice)
    assert "arrivals.all" not in admitted(bob)


def test_the_socket_brings_the_room_to_who_may_see_it(private_room, bob, charlie):
    assert "room.traders" in admitted(charlie)
    assert "room.traders" not in admitted(bob)


def test_the_socket_of_a_hidden_board_brings_nothing(trading, bob, charlie):
    assert "board.trading" in admitted(charlie, "trading")
    assert admission(bob, "trading").refusal == "not_allowed"


def test_a_board_that_is_not_there_has_no_socket(bob):
    assert admission(bob, "nothing").refusal == "gone"
