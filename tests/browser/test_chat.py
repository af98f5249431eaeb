"""People talk in a room, each in a browser of their own."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.servers.pages import composer, lines, log, say, without_reload


@pytest.fixture(scope="module", autouse=True)
def bob(shared_server):
    shared_server.add_user("bob")


def test_two_people_talk(shared_server, visitor):
    alice, bob = (visitor(shared_server, name).open("/chat/general/") for name in ("alice", "bob"))
    with without_reload(alice), without_reload(bob):
        say(alice, "is anybody there?")
        expect(lines(bob, "is anybody there?")).to_have_count(1)
        say(bob, "yes, me")
        expect(lines(alice, "yes, me")).to_have_count(1)
        expect(lines(alice, "is anybody there?")).to_have_count(1)


def test_the_composer_is_ready_for_the_next_message(shared_server, visitor):
    page = visitor(shared_server, "alice").open("/chat/general/")
    say(page, "one after")
    expect(composer(page)).to_be_focused()
    say(page, "the other")
    expect(lines(page, "the other")).to_have_count(1)


def test_a_message_that_is_html_shows_as_text(shared_server, visitor):
    alice, bob = (visitor(shared_server, name).open("/chat/general/") for name in ("alice", "bob"))
    hostile = '<img src=x onerror=alert(1)><script>alert(2)</script><b id="bold">b</b>'
    say(alice, hostile)
    for page in (alice, bob):
        expect(lines(page, hostile)).to_have_count(1)
        expect(log(page).locator("script, img, #bold")).to_have_count(0)


def test_a_message_about_partials_does_not_move_the_page(shared_server, visitor):
    page = visitor(shared_server, "alice").open("/chat/general/")
    say(page, '<hx-partial hx-target="body" hx-swap="innerHTML">gone</hx-partial>')
    expect(log(page)).to_be_visible()
    expect(composer(page)).to_be_visible()


def test_a_guest_reads_and_is_told_how_to_write(shared_server, visitor):
    alice, guest = visitor(shared_server, "alice").open("/chat/general/"), visitor(shared_server).open("/chat/general/")
    say(alice, "for everybody")
    expect(lines(guest, "for everybody")).to_have_count(1)
    expect(composer(guest)).to_have_count(0)
    expect(guest.locator("#live").get_by_role("link", name="Sign in").first).to_be_visible()


def test_a_retracted_message_goes_on_every_page(shared_server, visitor):
    alice, bob = (visitor(shared_server, name).open("/chat/general/") for name in ("alice", "bob"))
    say(bob, "my password is swordfish")
    mine = lines(bob, "swordfish")
    mine.hover()
    mine.locator("button.retract").click()
    for page in (alice, bob):
        expect(lines(page, "swordfish")).to_have_count(0)


def test_older_messages_come_by_scrolling_up_each_once(shared_server, visitor):
    said = "from live.chat import models, verbs; from django.contrib.auth.models import User"
    room = "models.Room.objects.get(slug='general')"
    shared_server.shell(
        f"{said}\nfor n in range(120): verbs.post_message({room}, User.objects.get(username='bob'), f'line {{n:03}}')"
    )
    page = visitor(shared_server).open("/chat/general/")
    expect(lines(page, "line 119")).to_have_count(1)
    expect(lines(page, "line 000")).to_have_count(0)
    for _ in range(12):
        log(page).locator("li").first.scroll_into_view_if_needed()
        page.wait_for_timeout(250)
        if lines(page, "line 000").count():
            break
    ids = log(page).locator("li[id^=message-]").evaluate_all("nodes => nodes.map(node => node.id)")
    numbers = [int(name.rsplit("-", 1)[1]) for name in ids]
    expect(lines(page, "line 000")).to_have_count(1)
    assert numbers == sorted(set(numbers)), "messages stand twice or out of order"
