"""What somebody types or opens stays as it is, whatever arrives around it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.servers.pages import composer, expect_value, lines

DRAFT = "half a sentence"


@pytest.fixture
def orders(shared_server):
    token = shared_server.source_token("drafts")
    shared_server.push(token, "drafted", 1)
    shared_server.manage("add_kpi", "drafted")
    return token


def start_draft(page: Page) -> None:
    """Type, put the caret after the fourth letter, and open the first menu."""
    page.locator("details").first.evaluate("node => { node.open = true }")
    box = composer(page)
    box.fill(DRAFT)
    box.focus()
    box.evaluate("node => node.setSelectionRange(4, 4)")


def expect_draft(page: Page) -> None:
    box = composer(page)
    expect(box).to_have_value(DRAFT)
    expect(box).to_be_focused()
    assert box.evaluate("node => [node.selectionStart, node.selectionEnd]") == [4, 4]
    assert page.locator("details").first.evaluate("node => node.open")


def test_a_draft_survives_what_arrives_beside_it(shared_server, orders, visitor):
    page, other = visitor(shared_server, "alice").open("/"), visitor(shared_server, "alice").open("/chat/general/")
    start_draft(page)
    shared_server.push(orders, "drafted", 88)
    expect_value(page, "drafted", "88")
    composer(other).fill("beside the draft")
    composer(other).press("Enter")
    expect(lines(page, "beside the draft").first).to_be_visible()
    expect_draft(page)


def test_a_draft_survives_a_morph_of_all_that_is_around_it(shared_server, visitor):
    """As after a deploy that changed the page's frame: everything inside #live is sent anew."""
    sockets: list[WebSocketRoute] = []
    who = visitor(shared_server, "alice")
    page = who.context.new_page()

    def join(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        sockets.append(socket)

    page.route_web_socket("**/ws/**", join)
    page.goto("/chat/general/")
    expect(composer(page)).to_be_visible()
    fresh = page.locator("#live").inner_html()
    start_draft(page)
    expect(page.locator("#link")).to_be_visible()
    sockets[-1].send(f'<hx-partial hx-target="#live" hx-swap="innerMorph">{fresh}<i id="morphed"></i></hx-partial>')
    expect(page.locator("#morphed")).to_be_attached()
    expect_draft(page)
