"""Sources as pages of staff watch them.

What the pages show is written by every request of a sender and by every fetch, and most of it is seen by nobody. So
nobody is told: while somebody watches, it is read every few seconds, and what differs is sent.
"""

from __future__ import annotations

from collections.abc import Iterable

from live.people import Audience
from live.push.topics import Context, Part, Region, State, Topic, register
from metrics.sources.models import Source
from metrics.sources.pages import report, rows

PERMISSION = "metrics.view_source"
KEY = "all"
EVERY_MS = 5_000


@register
class SourceTopic(Topic):
    """Its key is the source's name."""

    kind = "source"

    @classmethod
    def audiences(cls, keys: Iterable[str]) -> dict[str, Audience]:
        names = Source.objects.filter(name__in=keys).values_list("name", flat=True)
        return {name: Audience(permission=PERMISSION) for name in names}

    def load(self, context: Context, known: State | None) -> State | None:
        found = report(self.key, context.now)
        if found is None:
            return None
        return _state("#source", [Part("source-report", "metrics/_source.html", "report", found)], context.now)


@register
class SourcesTopic(Topic):
    """The list of all sources."""

    kind = "sources"

    @classmethod
    def audiences(cls, keys: Iterable[str]) -> dict[str, Audience]:
        return {key: Audience(permission=PERMISSION) for key in keys if key == KEY}

    def load(self, context: Context, known: State | None) -> State | None:
        if self.key != KEY:
            return None
        found = rows(context.now)
        return _state("#sources", [Part(row.id, "metrics/_source_row.html", "row", row) for row in found], context.now)


def _state(target: str, parts: Iterable[Part], now: int) -> State:
    """The version is the time, so that a later state never counts as the same."""
    return State(str(now), (Region(target, tuple(parts)),), now + EVERY_MS)
