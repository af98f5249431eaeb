"""Metrics that arrive and that no KPI uses, offered to those who may add one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, QuerySet, Sum, TextField, Value
from django.db.models.functions import Cast, Coalesce, Concat

from live.clock import now_ms
from live.people import Audience
from live.push.topics import Context, Part, Region, State, Topic, register
from metrics.series.models import Series
from metrics.sources.models import Source

PERMISSION = "metrics.add_kpi"
KEY = "all"
NAME = f"arrivals.{KEY}"
WITHIN_MS = 10 * 60_000
MOST = 12
"""Offers at once; the newest metrics come first."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A metric without a KPI: the source that began to send it last, and since when. `id` is its part's DOM id."""

    id: str
    metric: str
    source: str
    at: datetime


@register
class ArrivalsTopic(Topic):
    kind = "arrivals"

    @property
    def containers(self) -> tuple[str, ...]:
        return ("#arrivals",)

    @classmethod
    def audiences(cls, keys: Iterable[str]) -> dict[str, Audience]:
        return {key: Audience(permission=PERMISSION) for key in keys if key == KEY}

    @classmethod
    def versions(cls, keys: Iterable[str]) -> QuerySet | None:
        return _version(now_ms()) if KEY in keys else None

    def load(self, context: Context, known: State | None) -> State | None:
        if self.key != KEY:
            return None
        version = _version(context.now).get()["at_version"]
        rows = _arriving(context.now).values("name")
        rows = rows.annotate(newest=Max("pk"), until=Max("last_ts")).order_by("-newest")[:MOST]
        found = {row["newest"]: row["until"] + WITHIN_MS for row in rows}
        series = Series.objects.filter(pk__in=found).select_related("source").order_by("-pk")
        parts = tuple(_part(one) for one in series)
        return State(version, (Region("#arrivals", parts),), min(found.values(), default=None))


def _version(now: int) -> QuerySet:
    """One row, whether or not anything arrives. It changes by the clock alone too, when a metric falls silent."""
    numbers = [Count("pk"), Coalesce(Max("pk"), 0), Coalesce(Sum("pk"), 0)]
    texts = [piece for number in numbers for piece in (Value("."), Cast(number, TextField()))]
    only = _arriving(now).values(topic=Value(NAME, TextField()))
    return only.annotate(at_version=Concat(*texts[1:], output_field=TextField())).values("topic", "at_version")


def _arriving(now: int) -> QuerySet[Series]:
    recent = Series.objects.filter(source__kind=Source.Kind.PUSH, last_ts__gt=now - WITHIN_MS)
    return recent.filter(kpis__isnull=True).order_by()


def _part(series: Series) -> Part:
    key = f"arrival-{series.pk}"
    return Part(
        key, "metrics/_arrival.html", "arrival", Arrival(key, series.name, series.source.name, series.created_at)
    )
