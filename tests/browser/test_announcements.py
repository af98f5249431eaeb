"""Announcements appear and go on every page, at their second."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.servers.pages import without_reload
from tests.servers.watchfloor import Watchfloor


def announce(server: Watchfloor, title: str, *, starts_s: float = 0, lasts_s: float = 0) -> None:
    expiry = f"timezone.now() + timedelta(seconds={starts_s + lasts_s})" if lasts_s else "None"
    server.shell(
        "from datetime import timedelta\n"
        "from django.contrib.auth.models import User\n"
        "from django.utils import timezone\n"
        "from live.announcements.models import Announcement\n"
        "from live.announcements.verbs import announce\n"
        f"start = timezone.now() + timedelta(seconds={starts_s})\n"
        f"notice = Announcement(title={title!r}, text='The details.', starts_at=start, expires_at={expiry})\n"
        "announce(notice, User.objects.get(username='alice'))"
    )


def banner(page: Page, title: str):
    return page.locator("#banner").get_by_text(title)


def test_an_announcement_appears_and_expires_on_every_page(shared_server, visitor):
    who = visitor(shared_server)
    pages = [who.open(path) for path in ("/", "/chat/general/", "/online/", "/notifications/")]
    with without_reload(pages[0]), without_reload(pages[3]):
        announce(shared_server, "Lift out of order", lasts_s=8)
        for page in pages:
            expect(banner(page, "Lift out of order")).to_be_visible(timeout=5000)
        expect(pages[3].locator("#announcements").get_by_text("Lift out of order")).to_be_visible()
        for page in pages:
            expect(banner(page, "Lift out of order")).to_have_count(0, timeout=12_000)
        expect(pages[3].locator("#announcements").get_by_text("Lift out of order")).to_have_count(0)


def test_an_announcement_waits_for_its_start(shared_server, visitor):
    page = visitor(shared_server).open("/")
    announce(shared_server, "Fire drill now", starts_s=6)
    page.wait_for_timeout(2000)
    expect(banner(page, "Fire drill now")).to_have_count(0, timeout=1)
    expect(banner(page, "Fire drill now")).to_be_visible(timeout=8000)


def test_staff_write_one_and_everybody_sees_it(shared_server, visitor):
    guest, alice = visitor(shared_server).open("/"), visitor(shared_server, "alice").open("/notifications/")
    form = alice.locator("form").filter(has=alice.locator("[name=title]"))
    form.locator("[name=title]").fill("Coffee is ready")
    form.locator("[name=text]").fill("In the kitchen.")
    form.get_by_role("button").last.click()
    expect(banner(guest, "Coffee is ready")).to_be_visible(timeout=4000)
    expect(banner(alice, "Coffee is ready")).to_be_visible()
