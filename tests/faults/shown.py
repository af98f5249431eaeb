"""What pages show, kept so cheaply that one process can keep it for hundreds of them: each distinct frame is read once.

`tests.faults.dom.Page` keeps a whole document; here are only the places that frames fill.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import zip_longest

from tests.faults.dom import CONTAINERS, SHOWN, Page

PARTIAL = re.compile(r'<hx-partial hx-target="(#[^"]+)" hx-swap="(\w+)">(.*?)</hx-partial>', re.S)
PRESENCE = frozenset({"#online-count", "#online-summary", "#online-people", "#online-names"})
"""Right within 16 s after a kill, while everything else is within 5."""
CLOCK = {"#beat"}
Children = dict[str, str]


class Shown:
    """`hear` takes a frame. `regions` holds the children of containers by id, `parts` what stands alone."""

    def __init__(self) -> None:
        self.parts: dict[str, str] = {}
        self.regions: dict[str, Children] = {}

    def hear(self, message: bytes, at: float) -> None:
        for target, style, children in swaps(message):
            if style == "upsert":
                self.regions[target] = {**self.regions.get(target, {}), **children}
            elif style.startswith("inner"):
                self.regions[target] = children
            else:
                self._replace(target, children)

    def _replace(self, target: str, children: Children) -> None:
        name = target[1:]
        for selector, region in self.regions.items():
            if name in region:
                self.regions[selector] = {**region, **children}
                return
        self.parts[target] = "".join(children.values())

    def differs(self, fresh: Fresh, *, without: frozenset[str] = frozenset()) -> list[str]:
        """Where it differs from a page that was loaded now."""
        mine = {target: [text] for target, text in self.parts.items()}
        mine |= {target: newest(target, children) for target, children in self.regions.items() if is_region(target)}
        pairs = ((target, mine[target], fresh.region(target)) for target in sorted(mine.keys() - without - CLOCK))
        return [f"{target}: {_first_difference(a, b)}" for target, a, b in pairs if b is not None and a != b]


class Fresh:
    """A page that was loaded now. Each region is printed once, however many pages are compared with it."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._regions: dict[str, list[str] | None] = {}

    def region(self, target: str) -> list[str] | None:
        if target not in self._regions:
            children = self._page.region(target)
            is_log = children is not None and target.endswith("-log")
            self._regions[target] = _lines(children or [])[-SHOWN:] if is_log else children
        return self._regions[target]


def is_region(target: str) -> bool:
    return target in CONTAINERS or target.endswith("-log")


def newest(target: str, children: Children) -> list[str]:
    if not target.endswith("-log"):
        return list(children.values())
    lines = [(int(name.rpartition("-")[2]), text) for name, text in children.items() if name.startswith("message-")]
    return [text for _seq, text in sorted(lines)][-SHOWN:]


def _lines(children: list[str]) -> list[str]:
    return [one for one in children if 'id="message-' in one]


@lru_cache(maxsize=512)
def swaps(message: bytes) -> tuple[tuple[str, str, Children], ...]:
    """(target, style, children) of each fragment in a frame."""
    return tuple((target, style, children_of(inner)) for target, style, inner in PARTIAL.findall(message.decode()))


@lru_cache(maxsize=4096)
def children_of(inner: str) -> Children:
    """The root elements of a fragment by id, printed as `Page.region` prints the children of a container."""
    page = Page(f'<div id="tiles">{inner}</div>')
    roots, printed = page.find("#tiles"), page.region("#tiles")
    assert roots is not None
    assert printed is not None
    return {root.get("id") or str(number): text for number, (root, text) in enumerate(zip(roots, printed, strict=True))}


def _first_difference(mine: list[str], theirs: list[str]) -> str:
    pair = next((a, b) for a, b in zip_longest(mine, theirs, fillvalue="(nothing)") if a != b)
    return f"open page: {pair[0]:.400}\n  fresh page: {pair[1]:.400}"
