"""What tests look for on a page."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from playwright.sync_api import Locator, Page, expect

SOON_MS = 5_000
CURTAIN_MS = 10_000


@contextlib.contextmanager
def without_reload(page: Page) -> Iterator[None]:
    """Whatever happens inside happens on the page that is open."""
    loads: list[str] = []
    page.on("load", lambda loaded: loads.append(loaded.url))
    yield
    assert loads == [], f"the page was loaded anew: {loads}"


def tile(page: Page, slug: str) -> Locator:
    return page.locator(f"#tile-{slug}")


def expect_value(page: Page, slug: str, value: str) -> None:
    expect(tile(page, slug).locator(".tile-value")).to_contain_text(value)


def log(page: Page, room: str = "general") -> Locator:
    return page.locator(f"#room-{room}-log")


def lines(page: Page, text: str, room: str = "general") -> Locator:
    """The log's lines that hold this text."""
    return log(page, room).locator("li").filter(has_text=text)


def say(page: Page, text: str) -> None:
    """Type into the composer and send; returns when the composer is empty again."""
    box = composer(page)
    box.fill(text)
    box.press("Enter")
    expect(composer(page)).to_have_value("")


def composer(page: Page) -> Locator:
    return page.locator("form[id^=compose-] [name=message]")


def curtain(page: Page) -> Locator:
    return page.locator("#beat .curtain")


def expect_curtain(page: Page) -> None:
    expect(curtain(page)).to_be_visible(timeout=CURTAIN_MS)


def online_people(page: Page) -> int:
    """The number of people that the header's counter shows."""
    found = re.search(r"\d+", page.locator("#online-count").inner_text())
    assert found, "the counter shows no number"
    return int(found[0])
