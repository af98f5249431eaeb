"""Tiles move on the open page."""

from __future__ import annotations

import time
from threading import Event

import pytest
from playwright.sync_api import Page, Route, WebSocketRoute, expect

from tests.servers.pages import curtain, expect_value, tile, without_reload

FRESH_S = 40


@pytest.fixture(scope="module")
def orders(shared_server):
    """A source's token, with the metric `orders` on the board."""
    token = shared_server.source_token("shop")
    shared_server.push(token, "orders", 7)
    shared_server.manage("add_kpi", "orders")
    return token


def test_a_pushed_number_moves_its_tile_in_every_open_browser(shared_server, orders, visitor):
    pages = [visitor(shared_server).open("/") for _ in range(2)]
    with without_reload(pages[0]), without_reload(pages[1]):
        shared_server.push(orders, "orders", 41)
        for page in pages:
            expect_value(page, "orders", "41")
        shared_server.push(orders, "orders", 42)
        for page in pages:
            expect_value(page, "orders", "42")


def test_a_pushed_number_is_on_the_page_within_a_second(shared_server, orders, visitor):
    page = visitor(shared_server).open("/")
    shared_server.push(orders, "orders", 1234)
    expect(tile(page, "orders").locator(".tile-value")).to_contain_text("1,234", timeout=1000)


def test_a_new_tile_appears_on_the_open_page(shared_server, orders, visitor):
    page = visitor(shared_server).open("/")
    with without_reload(page):
        shared_server.push(orders, "refunds", 3)
        shared_server.manage("add_kpi", "refunds", "--name", "Refunds today")
        expect(tile(page, "refunds-today")).to_be_visible(timeout=4000)


def test_the_numbers_of_this_machine_move(shared_server, visitor):
    page = visitor(shared_server).open("/")
    ages = page.locator("#tiles .tile-age")
    expect(ages.first).to_be_visible()
    before = ages.first.get_attribute("id")
    with without_reload(page):
        expect(ages.first).not_to_have_attribute("id", before or "")


def test_a_metric_that_no_tile_shows_is_offered_and_taken_with_one_click(shared_server, orders, visitor):
    page = visitor(shared_server, "alice").open("/")
    with without_reload(page):
        shared_server.push(orders, "signups", 5)
        page.locator("#arrivals").get_by_role("button").filter(has_text="signups").or_(
            page.locator("#arrivals li, #arrivals > *").filter(has_text="signups").get_by_role("button")
        ).first.click()
        expect_value(page, "signups", "5")
        expect(page.locator("#arrivals").get_by_text("signups")).to_have_count(0)


def test_the_page_is_live_although_the_script_comes_late(shared_server, orders, visitor):
    who = visitor(shared_server)

    def late(route: Route) -> None:
        time.sleep(0.5)
        route.continue_()

    who.context.route("**/vendor/htmx*.js", late)
    page = who.open("/")
    shared_server.push(orders, "orders", 77)
    expect_value(page, "orders", "77")


def test_a_source_that_stops_makes_its_tile_stale(shared_server, orders, visitor):
    shared_server.manage("add_kpi", "visits")
    for value in (1, 2):
        shared_server.push(orders, "visits", value)
        time.sleep(1)
    page = visitor(shared_server).open("/")
    expect_value(page, "visits", "2")
    expect(tile(page, "visits")).to_contain_text("no data since", timeout=8000)


def test_a_tile_turns_late_when_nothing_arrives_and_not_while_it_is_fed(shared_server, orders, visitor):
    """For 40 s one page is fed every second; on the other the socket stays open and silent, as behind a dead link.

    A value that came once turns late on both.
    """
    shared_server.push(orders, "lonely", 1)
    shared_server.manage("add_kpi", "lonely")
    silent = visitor(shared_server).context.new_page()
    deaf = cut_socket(silent)
    shared_server.push(orders, "orders", 0)
    fed = visitor(shared_server).open("/")
    silent.goto("/")
    deaf.set()

    seen = set()
    for second in range(FRESH_S):
        shared_server.push(orders, "orders", second)
        time.sleep(0.95)
        seen.add(colour_of_time(fed))
    assert len(seen) == 1, "a tile that is fed every second turned late"
    assert colour_of_time(silent) not in seen
    assert colour_of_time(fed, "lonely") == colour_of_time(silent)
    expect(curtain(silent)).to_be_visible()
    expect(curtain(fed)).to_be_hidden()


def cut_socket(page: Page) -> Event:
    """When the event is set, the page's socket passes nothing on any more."""
    deaf = Event()

    def join(socket: WebSocketRoute) -> None:
        socket.connect_to_server().on_message(lambda frame: None if deaf.is_set() else socket.send(frame))

    page.route_web_socket("**/ws/**", join)
    return deaf


def colour_of_time(page: Page, slug: str = "orders") -> str:
    return tile(page, slug).locator(".tile-age").evaluate("node => getComputedStyle(node).color")
