"""A server that is gone or frozen shows on the page, and the page comes right by itself."""

from __future__ import annotations

import time

from playwright.sync_api import expect

from tests.servers.chrome import SERVER_AWAY
from tests.servers.pages import curtain, expect_curtain, lines, log, say, without_reload

BACK_MS = 20_000


def test_a_killed_server_shows_and_the_page_comes_right_again(server, visitor):
    who = visitor(server, "alice")
    who.allow(SERVER_AWAY)
    page = who.open("/chat/general/")
    say(page, "before the outage")
    with without_reload(page):
        server.kill()
        expect_curtain(page)
        server.start()
        expect(curtain(page)).to_be_hidden(timeout=BACK_MS)
        say(page, "after the outage")
        expect(lines(page, "after the outage")).to_have_count(1)
        expect(lines(page, "before the outage")).to_have_count(1)


def test_three_seconds_without_a_server_lose_and_double_nothing(server, visitor):
    server.add_user("bob")
    who = visitor(server, "alice")
    who.allow(SERVER_AWAY)
    page = who.open("/chat/general/")
    say(page, "before the outage")
    server.kill()
    time.sleep(3)
    server.start()
    bob = visitor(server, "bob").open("/chat/general/")
    say(bob, "while you were away")
    expect(lines(page, "while you were away")).to_have_count(1, timeout=BACK_MS)
    say(page, "after the outage")
    expect(lines(page, "after the outage")).to_have_count(1)

    fresh = who.open("/chat/general/")
    assert texts(page) == texts(fresh)


def test_a_frozen_server_shows_and_the_page_comes_right_again(server, visitor):
    who = visitor(server)
    who.allow(SERVER_AWAY)
    page = who.open("/")
    with without_reload(page):
        expect(curtain(page)).to_be_hidden()
        server.freeze()
        expect_curtain(page)
        server.thaw()
        expect(curtain(page)).to_be_hidden(timeout=BACK_MS)


def texts(page) -> list[str]:
    found = log(page).locator("li[id^=message-]").evaluate_all("nodes => nodes.map(n => n.id + ' ' + n.innerText)")
    assert len(found) == len({line.split()[0] for line in found}), "a message stands twice"
    return found
