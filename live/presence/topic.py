"""The online counter, as a topic: the roster is its truth, not the database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from live.people import Access, Audience
from live.presence.roster import Presence
from live.push.topics import Context, Part, Region, State, Topic, register

NAMES_SHOWN = 8
PEOPLE_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Totals:
    """A presence without names: it changes, and is sent, only when a number does."""

    people_count: int
    tabs: int
    guests: int
    screens: int
    exact: bool


@register
class OnlineTopic(Topic):
    kind = "online"

    @classmethod
    def audiences(cls, keys: Iterable[str]) -> dict[str, Audience]:
        return {key: Audience(Access.PUBLIC) for key in keys if key in ("all", "list")}

    def load(self, context: Context, known: State | None) -> State:
        presence = context.roster.presence()
        return State(str(hash(presence)), listing(presence) if self.key == "list" else regions(presence))


def listing(presence: Presence) -> tuple[Region, ...]:
    """Everybody, for the pages that show them."""
    people = tuple(
        Part(f"person-{one.id}", "live/_online_person.html", "here", one) for one in presence.people[:PEOPLE_SHOWN]
    )
    if more := len(presence.people) - len(people):
        people += (Part("name-more", "live/_online_more.html", "more", more),)
    nobody = (Part("nobody", "live/_nobody.html", "presence", None),)
    return (Region("#online-people", people or nobody),)


def regions(presence: Presence) -> tuple[Region, ...]:
    """The header's counter, the summary, and the first names: what stands around every page."""
    names = tuple(
        Part(f"name-{one.id}", "live/_online_name.html", "here", one) for one in presence.people[:NAMES_SHOWN]
    )
    if more := len(presence.people) - len(names):
        names += (Part("name-more", "live/_online_more.html", "more", more),)
    return (
        Region("", (counter(presence),)),
        Region("", (Part("online-summary", "live/_online_summary.html", "presence", totals(presence)),)),
        Region("#online-names", names),
    )


def counter(presence: Presence) -> Part:
    event = {
        "type": "online_count",
        "count": presence.people_count,
        "tabs": presence.tabs,
        "guests": presence.guests,
    }
    return Part("online-count", "live/_online_count.html", "presence", totals(presence), event)


def totals(presence: Presence) -> Totals:
    return Totals(presence.people_count, presence.tabs, presence.guests, presence.screens, presence.exact)
