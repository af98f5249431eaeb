"""In a real browser: however a page lost its server, it says so, comes back by itself, and is right again."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from tests.faults.cable import Cable
from tests.faults.console import Console
from tests.faults.floor import until
from tests.faults.pair import NO_LIMITS
from tests.faults.seen import AS_SENT, compared, wrong
from tests.faults.sizes import sized
from tests.faults.tools import chromium
from tests.servers.chrome import NAMES, OPTIONS, SERVER_AWAY, Visitor
from tests.servers.pages import curtain, expect_curtain, lines, log, without_reload
from tests.servers.watchfloor import Watchfloor

ROOM = "/chat/general/"
OFFLINE_S, SAID = sized((8, 40), (60, 120))
HIDDEN_S = sized(3, 10)
BACK_S = 12.0
"""The back-off of at most 8 s and its jitter, a handshake, a snapshot."""
HEALED_WITHIN_S = 5.0
NO_ATTEMPT_S = sized(3, 10)
SAY = """
from django.contrib.auth.models import User
from live.chat.models import Message, Room
from live.chat.verbs import post_message, retract
alice, room = User.objects.get(username="alice"), Room.objects.get(slug="general")
def say(text): post_message(room, alice, text)
def take_back(text): retract(Message.objects.get(room=room, body=text), alice)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Watchfloor]:
    with Watchfloor(tmp_path_factory.mktemp("pages"), NO_LIMITS) as server:
        yield server


@pytest.fixture(scope="module")
def console(server) -> Iterator[Console]:
    with Console(server) as console:
        console.run(SAY)
        yield console


def sockets_from_now_on(page: Page) -> list[str]:
    """The addresses of those that the page will open."""
    opened: list[str] = []
    page.on("websocket", lambda socket: opened.append(socket.url))
    return opened


def expect_right(who: Visitor, page: Page, seconds: float = HEALED_WITHIN_S) -> None:
    assert until(lambda: not wrong(who, page), seconds), "\n".join(wrong(who, page))


def looked_at(page: Page, milliseconds: int) -> None:
    """Let the browser and its events go on for a while."""
    page.wait_for_timeout(milliseconds)


def test_back_from_another_page_goes_on(server, console, browser_with_cache):
    """The page comes from the browser's memory, with its socket closed: nothing loads it anew."""
    who = Visitor(browser_with_cache, server)
    page = who.open(ROOM)
    page.evaluate("window.remembered = 1")
    page.goto("/accounts/login/")
    console.run("say('meanwhile')")
    page.go_back(wait_until="commit")
    assert page.evaluate("window.remembered") == 1, "the browser loaded the page anew: this tests nothing"
    expect(lines(page, "meanwhile")).to_have_count(1, timeout=BACK_S * 1000)
    expect_right(who, page)
    assert who.close() == []


def test_a_hidden_tab_keeps_up(server, console, tmp_path):
    """It stays connected, and frames do not pile up although its timers are slow."""
    (tmp_path / "profile").mkdir()
    with chromium(tmp_path / "profile") as tools:
        tab = tools.open(server.url + ROOM)
        assert until(lambda: tab.evaluate("document.querySelector('#link')?.innerText"), 10)
        time.sleep(1)
        tools.open("about:blank").show()
        assert until(lambda: tab.evaluate("document.hidden"), 5), "the tab is still looked at: this tests nothing"
        started, number = time.monotonic(), 0
        while time.monotonic() < started + HIDDEN_S:
            number += 1
            console.run(f"say('hidden {number}')")
            time.sleep(0.05)
        last = f"document.querySelector('#room-general-log').innerText.includes('hidden {number}')"
        assert until(lambda: tab.evaluate(last), 2), "frames pile up in a hidden tab"
        assert tab.evaluate("document.hidden")
        fresh = lambda: httpx.get(server.url + ROOM).text  # noqa: E731
        assert until(lambda: not compared(tab.evaluate(AS_SENT), fresh()), HEALED_WITHIN_S)


def test_4012_a_server_that_restarts_says_so_and_the_page_comes_back(server, console, visitor):
    who = visitor(server)
    who.allow(SERVER_AWAY)
    page = who.open(ROOM)
    with without_reload(page):
        server.stop()
        expect(page.locator("#beat")).to_contain_text("Back in a moment")
        console.run("say('during the restart')")
        server.start()
        expect(lines(page, "during the restart")).to_have_count(1, timeout=BACK_S * 1000)
        expect(curtain(page)).to_be_hidden()
        expect_right(who, page)


def test_4401_a_page_that_was_signed_out_says_so_and_stays_away(server, console, visitor):
    who = visitor(server, "alice")
    page = who.open(ROOM)
    opened = sockets_from_now_on(page)
    with without_reload(page):
        console.run("from django.contrib.sessions.models import Session; Session.objects.all().delete()")
        expect(page.locator("#beat")).to_contain_text("You are signed out", timeout=HEALED_WITHIN_S * 1000)
        expect(page.locator("#beat").get_by_role("link", name="Sign in")).to_be_visible()
        console.run("say('for those who stayed')")
        looked_at(page, NO_ATTEMPT_S * 1000)
    assert opened == [], "it connected again"
    expect(lines(page, "for those who stayed")).to_have_count(0)


@pytest.mark.parametrize("code", [1000, 4012])
def test_a_page_whose_socket_was_closed_comes_back(server, console, visitor, code):
    """1000 is what a proxy or another server sends when a connection has become too old."""
    routes: list[WebSocketRoute] = []

    def pass_on(route: WebSocketRoute) -> None:
        route.connect_to_server()
        routes.append(route)

    who = visitor(server)
    page = who.context.new_page()
    page.route_web_socket("**/ws/**", pass_on)
    page.goto(ROOM)
    looked_at(page, 1000)
    routes[0].close(code=code)
    console.run(f"say('closed with {code}')")
    expect(lines(page, f"closed with {code}")).to_have_count(1, timeout=BACK_S * 1000)
    expect_right(who, page)
    assert len(routes) == 2


def test_a_frozen_server_shows_and_the_page_comes_right(server, console, visitor):
    who = visitor(server)
    who.allow(SERVER_AWAY)
    page = who.open(ROOM)
    with without_reload(page):
        server.freeze()
        console.run("say('while it was frozen')")
        expect_curtain(page)
        expect(lines(page, "while it was frozen")).to_have_count(0)
        server.thaw()
        expect(lines(page, "while it was frozen")).to_have_count(1, timeout=BACK_S * 1000)
        expect(curtain(page)).to_be_hidden(timeout=HEALED_WITHIN_S * 1000)
        expect_right(who, page)


def test_offline_while_many_write_and_some_take_back(server, console, visitor):
    """The page has a line that is retracted meanwhile, and comes back with none missing, doubled or out of order."""
    console.run("[say(f'before {n}') for n in range(60)]")
    with Cable(server.port) as cable:
        who = visitor(cable)
        who.allow(SERVER_AWAY)
        page = who.open(ROOM)
        expect(lines(page, "before 59")).to_have_count(1)
        with without_reload(page):
            cable.cut()
            started = time.monotonic()
            console.run(f"[say(f'missed {{n}}.') for n in range({SAID})]")
            console.run(f"[take_back(text) for text in ('before 58', 'missed 3.', f'missed {SAID - 2}.')]")
            expect_curtain(page)
            looked_at(page, int(max(0.0, started + OFFLINE_S - time.monotonic()) * 1000))
            cable.mend()
            expect(lines(page, f"missed {SAID - 1}.")).to_have_count(1, timeout=BACK_S * 1000)
            expect(curtain(page)).to_be_hidden()
            expect_right(who, page)
        shown = log(page).locator("li[id^=message-]").evaluate_all("nodes => nodes.map(node => node.id)")
        numbers = [int(name.rsplit("-", 1)[1]) for name in shown]
        assert numbers == sorted(set(numbers))
        expect(lines(page, f"missed {SAID - 2}.")).to_have_count(0)
        expect(log(page).get_by_text(re.compile("was retracted"))).not_to_have_count(0)


@pytest.fixture
def browser_with_cache(browser: Browser) -> Iterator[Browser]:
    """With the cache for going back, which Playwright switches off."""
    program = os.environ.get("CHROME") or next(filter(None, map(shutil.which, NAMES)), None)
    without = ["--disable-back-forward-cache"]
    cached = browser.browser_type.launch(args=OPTIONS, executable_path=program, ignore_default_args=without)
    yield cached
    cached.close()
