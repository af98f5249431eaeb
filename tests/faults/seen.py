"""What a real browser shows, held beside a page that is loaded now."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import Page

from tests.faults.dom import Page as Model
from tests.faults.dom import differences, holes
from tests.servers.chrome import Visitor

AS_SENT = """(() => {
    const copy = document.documentElement.cloneNode(true)
    for (const node of copy.querySelectorAll('*')) {
        node.removeAttribute('data-htmx-powered')
        if (![...node.classList].some(name => name.startsWith('htmx-'))) continue
        node.classList.remove('htmx-swapping', 'htmx-settling', 'htmx-added')
        if (!node.classList.length) node.removeAttribute('class')
    }
    return copy.outerHTML
})()"""
"""The document as text, without the marks that htmx leaves. An expression, for Playwright and for CDP alike."""


def wrong(who: Visitor, page: Page) -> list[str]:
    """How the open page differs from one that is loaded now. Fetched beside it, so that nothing on it is disturbed."""
    path = urlsplit(page.url).path
    return compared(page.evaluate(AS_SENT), who.context.request.get(path).text())


def compared(shown: str, fresh: str) -> list[str]:
    page = Model(shown)
    return differences(page, Model(fresh)) + [f"a hole in {log}" for log in holes(page)]
