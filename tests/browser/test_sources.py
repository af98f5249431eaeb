"""The pages of sources and series in a browser: they follow by themselves, and no page complains."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.servers.pages import without_reload

WIDTHS = [390, 768, 1280, 1920]


def test_a_source_comes_to_life_on_open_pages(server, visitor):
    token = server.source_token("shop")
    who = visitor(server, "alice")
    one, all_of_them = who.open("/sources/shop/"), who.open("/sources/")
    expect(one.locator("#source-report").get_by_text("Never seen")).to_be_visible()
    with without_reload(one), without_reload(all_of_them):
        server.push(token, "orders", 42)
        expect(one.locator("#source-report").get_by_text("Works")).to_be_visible(timeout=15_000)
        expect(all_of_them.locator("#source-shop").get_by_text("Works")).to_be_visible(timeout=15_000)
        server.source_token("market")
        expect(all_of_them.locator("#source-market")).to_be_visible(timeout=15_000)


def test_a_series_becomes_a_tile_with_one_click(server, visitor):
    server.push(server.source_token("shop"), "orders", 42, labels={"region": "eu"})
    page = visitor(server, "alice").open("/series/?q=orders")
    page.get_by_role("button", name="Make a KPI of orders").click()
    expect(page.locator("#tile-orders-eu .tile-value")).to_contain_text("42")


@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_is_wider_than_the_screen(shared_server, visitor, width):
    labels = {"instance": "a-very-long-name-of-a-machine.example.internal:9100", "region": "eu"}
    shared_server.push(shared_server.source_token("shop"), "a_metric_with_quite_a_long_name_total", 1, labels=labels)
    page = visitor(shared_server, "alice", viewport={"width": width, "height": 900}).open("/sources/")
    for path in ("/sources/", "/sources/shop/", "/series/", "/series/?q=nothing"):
        page.goto(path)
        expect(page.locator("h1")).to_have_count(1)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{path} is too wide"


@pytest.mark.parametrize("kind", ["push", "scrape", "promql", "http", "sql"])
def test_the_forms_of_sources_make_no_complaint(shared_server, visitor, kind):
    page = visitor(shared_server, "alice").open(f"/admin/metrics/source/add/?kind={kind}", connected=False)
    expect(page.locator(".kinds [aria-current]")).to_have_count(1)


def test_a_trial_is_shown_beside_the_form(shared_server, visitor):
    page = visitor(shared_server, "alice").open("/admin/metrics/source/add/?kind=scrape", connected=False)
    page.locator("[name=name]").fill("itself")
    page.locator("[name=pull-0-url]").fill(f"{shared_server.url}/metrics")
    page.get_by_role("button", name="Try it now").click()
    expect(page.locator("#tried").get_by_text("watchfloor_sockets")).to_be_visible()
    expect(page.locator("[name=name]")).to_have_value("itself")
