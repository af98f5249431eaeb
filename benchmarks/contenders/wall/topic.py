"""The wall: what an order says stands on it, until the next order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from benchmarks.contenders.orders import filled, stamp
from live.clock import now_ms
from live.people import Access, Audience
from live.push.fragments import addressed
from live.push.signals import publish
from live.push.topics import Context, Part, Region, State, Topic, register
from metrics.boards.tiles import make_tile, tile_part
from metrics.kpis.evaluation import evaluate
from metrics.kpis.lines import Track
from metrics.kpis.models import KPI

TILES = 20
POINTS = 60
AROUND = len(addressed("#text", "outerMorph", '<p id="text"></p>\n'))


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@register
class WallTopic(Topic):
    kind = "wall"
    at_once = True

    order: ClassVar[str] = "300"
    orders: ClassVar[int] = 0
    shown: ClassVar[State | None] = None

    @classmethod
    def audiences(cls, keys: Iterable[str]) -> dict[str, Audience]:
        return {key: Audience(Access.PUBLIC) for key in keys}

    def load(self, context: Context, known: State | None) -> State:
        """Stamped when an order is loaded for the first time, so that loading it again changes nothing."""
        cls = type(self)
        if cls.shown is None or cls.shown.version != str(cls.orders):
            cls.shown = State(str(cls.orders), regions(cls.order, cls.orders))
        return cls.shown


def carry_out(order: str) -> None:
    """Called in a thread, as a view would be."""
    WallTopic.order, WallTopic.orders = order, WallTopic.orders + 1
    publish("wall.main")


def regions(order: str, number: int) -> tuple[Region, ...]:
    """`order` is a number of bytes for one text, or "tiles" for as many as a board has. All stand on their own."""
    if order == "tiles":
        return (Region("", tuple(tile(place, number) for place in range(TILES))),)
    text = Text(filled(int(order) - AROUND))
    return (Region("", (Part("text", "wall/_text.html", "text", text),)),)


def tile(place: int, number: int) -> Part:
    """A tile with a line of 60 points, other than with the order before. The name of the first one is the stamp."""
    name = stamp() if place == 0 else f"Orders of shop {place}"
    kpi = KPI(slug=f"kpi-{place}", name=name, metric="orders", unit="/min")
    newest = now_ms()
    points = [(newest - 1000 * age, 400.0 + (place * 7 + number + age * age) % 97) for age in range(2 * POINTS, -1, -1)]
    return tile_part(make_tile(kpi, evaluate(kpi, [Track(points, 1000)], newest)))
