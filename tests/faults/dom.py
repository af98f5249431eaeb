"""A page as a browser with htmx 4.0.1 keeps it: the document, and what frames do to it.

Only what the result depends on is modelled. A morph keeps nodes where it can, so that focus and animations survive;
the tree it leaves is the one that was sent. So a morph here is a replacement.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from itertools import zip_longest
from typing import Any, TypeAlias

from lxml import etree, html

Element: TypeAlias = Any  # of lxml, which has no annotations

CLOCK = re.compile(r'datetime="[^"]*"|\d\d:\d\d:\d\d( [A-Z]+)?')
CLASSES = re.compile(r'class="([^"]*)"')


class Page:
    """`swaps` counts what frames did, by style."""

    def __init__(self, text: str) -> None:
        self.root: Element = html.document_fromstring(text)
        self.swaps: Counter[str] = Counter()

    def apply(self, frame: str) -> None:
        """Do what the frame says, fragment by fragment. A target that is not on the page is passed over."""
        for partial in html.fragments_fromstring(frame, no_leading_text=True):
            if partial.tag != "hx-partial":  # hx-swap="none" on the connect element drops the rest.
                continue
            style, target = partial.get("hx-swap"), self.find(partial.get("hx-target"))
            self.swaps[style] += 1
            if target is not None:
                SWAPS[style](self, target, partial)

    def find(self, selector: str) -> Element | None:
        """The element with this id; `selector` is `#id`, the only kind of target that is sent."""
        assert re.fullmatch(r"#[\w-]+", selector), f"not an id: {selector!r}"
        return self._by_id(selector[1:])

    def region(self, selector: str) -> list[str] | None:
        """The region's children as text, one by one, or the part that stands alone; None when it is not here.

        The clock of the beat is left out: it tells when the page was printed, and the next beat renews it.
        """
        found = self.find(selector)
        if found is None:
            return None
        if selector == "#beat":
            return [CLOCK.sub("…", _printed(found))]
        return (
            [_printed(child) for child in found] if selector in CONTAINERS or _is_log(selector) else [_printed(found)]
        )

    @property
    def logs(self) -> list[str]:
        return [f"#{one}" for one in self.root.xpath("//ol/@id") if _is_log(f"#{one}")]

    def _by_id(self, name: str) -> Element | None:
        return next(iter(self.root.xpath("//*[@id=$name]", name=name)), None)

    # Swaps

    def _inner(self, target: Element, partial: Element) -> None:
        for child in list(target):
            target.remove(child)
        target.text = partial.text
        target.extend(list(partial))

    def _outer(self, target: Element, partial: Element) -> None:
        fresh = list(partial)
        parent, tail = target.getparent(), target.tail
        at = parent.index(target)
        target.tail = None
        parent.remove(target)
        for offset, node in enumerate(fresh):
            parent.insert(at + offset, node)
        if fresh:
            fresh[-1].tail = tail

    def _text(self, target: Element, partial: Element) -> None:
        words = partial.text_content()
        self._inner(target, html.Element("hx-partial"))
        target.text = words

    def _delete(self, target: Element, partial: Element) -> None:
        target.drop_tree()

    def _upsert(self, target: Element, partial: Element) -> None:
        for fresh in list(partial):
            known = self._by_id(fresh.get("id", ""))
            if known is not None:
                known.getparent().replace(known, fresh)
                continue
            place = (n for n, child in enumerate(target) if child.get("id") and _order(fresh) < _order(child))
            target.insert(next(place, len(target)), fresh)

    def _nothing(self, target: Element, partial: Element) -> None:
        pass


SWAPS: dict[str, Callable[[Page, Element, Element], None]] = {
    "innerHTML": Page._inner,
    "innerMorph": Page._inner,
    "outerHTML": Page._outer,
    "outerMorph": Page._outer,
    "textContent": Page._text,
    "delete": Page._delete,
    "upsert": Page._upsert,
    "none": Page._nothing,
}
CONTAINERS = {
    "#tiles",
    "#arrivals",
    "#banner",
    "#announcements",
    "#announcements-now",
    "#scheduled",
    "#online-people",
    "#online-names",
}
STANDING = ["#board-title", "#board-verdict", "#online-count", "#online-summary", "#link", "#beat"]
SHOWN = 50
"""Lines of a log that the promise speaks of: its newest."""


def differences(page: Page, fresh: Page) -> list[str]:
    """In which regions a page that was open differs from one that was loaded now.

    A region that a fresh page does not have, because the reader may no longer see it, is an empty one on an open page.
    """
    found = []
    for selector in [*sorted(CONTAINERS), *STANDING, *sorted({*page.logs, *fresh.logs})]:
        mine, theirs = page.region(selector), fresh.region(selector)
        if _is_log(selector):
            mine, theirs = _newest(mine), _newest(theirs)
        if mine != theirs and (mine or theirs is not None):
            found.append(f"{selector}\n{_beside(mine, theirs)}")
    return found


def holes(page: Page) -> list[str]:
    """Logs whose lines are not one unbroken run, led by the way to the line before it."""
    return [log for log in page.logs if not _is_unbroken(page.find(log))]


def _is_unbroken(log: Element) -> bool:
    numbers = [(kind, int(number)) for kind, _, number in (one.get("id").rpartition("-") for one in log)]
    earlier = [number for kind, number in numbers if kind.startswith("earlier-")]
    lines = [number for kind, number in numbers if kind.startswith("message-")]
    if not lines:
        return not earlier
    return lines == list(range(lines[0], lines[-1] + 1)) and earlier == [lines[0]] * (lines[0] > 1)


def _newest(region: list[str] | None) -> list[str] | None:
    return None if region is None else [one for one in region if 'id="message-' in one][-SHOWN:]


def _is_log(selector: str) -> bool:
    return selector.startswith("#room-") and selector.endswith("-log")


def _order(element: Element) -> list[tuple[int, str]]:
    """Where an id sorts: by its numbers as numbers, as `localeCompare` with `numeric` does."""
    pieces = re.findall(r"\d+|\D+", element.get("id"))
    return [(int(piece), "") if piece.isdigit() else (-1, piece) for piece in pieces]


def _printed(element: Element) -> str:
    """Canonical, because a browser keeps attributes and lists of classes in an order and spacing of its own."""
    text = etree.tostring(element, method="c14n", with_tail=False).decode()
    return CLASSES.sub(lambda found: f'class="{" ".join(found[1].split())}"', text)


def _beside(mine: list[str] | None, theirs: list[str] | None) -> str:
    if mine is None or theirs is None:
        return f"  open page: {mine!r:.300}\n  fresh page: {theirs!r:.300}"
    pairs = [(a, b) for a, b in zip_longest(mine, theirs, fillvalue="(nothing)") if a != b]
    return "\n".join(f"  open page: {a:.1500}\n  fresh page: {b:.1500}" for a, b in pairs[:2])
