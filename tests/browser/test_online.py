"""Who is here, counted by people and not by tabs."""

from __future__ import annotations

import re

from playwright.sync_api import expect


def people(page):
    return page.locator("#online-people")


def test_three_tabs_of_one_person_are_one_person(server, visitor):
    server.add_user("bob")
    watcher = visitor(server, "alice").open("/online/")
    count = watcher.locator("#online-count")
    expect(count).to_contain_text(re.compile(r"\b1\b"))
    bob = visitor(server, "bob")
    tabs = [bob.open("/") for _ in range(3)]
    expect(count).to_contain_text(re.compile(r"\b2\b"))
    expect(people(watcher)).to_contain_text("bob")
    expect(watcher.locator("#online-summary")).to_contain_text(re.compile(r"\b4\b|\b2\b"))

    tabs[0].close()
    tabs[1].close()
    watcher.wait_for_timeout(1500)
    expect(count).to_contain_text(re.compile(r"\b2\b"))
    tabs[2].close()
    expect(count).to_contain_text(re.compile(r"\b1\b"), timeout=15_000)
    expect(people(watcher)).not_to_contain_text("bob")


def test_a_guest_is_counted_apart(server, visitor):
    watcher = visitor(server, "alice").open("/online/")
    visitor(server).open("/")
    expect(watcher.locator("#online-summary")).to_contain_text(re.compile(r"1 guest"))
    expect(watcher.locator("#online-count")).to_contain_text(re.compile(r"\b1\b"))
