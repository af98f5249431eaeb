"""What the pages of sources show, as plain values: free of language, time zone and reader."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Count, F, Max, Min, Q, QuerySet, Sum
from django.utils.translation import gettext_lazy as _

from live.clock import from_ms, to_ms
from metrics.charts import sparkline
from metrics.ingest.calls import Reason
from metrics.series.models import Rollup, Series
from metrics.sources.condition import Condition, condition
from metrics.sources.models import Pull, Rejection, Source, SourceToken

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

MINUTE_MS = 60_000
RECENT = 5
"""Minutes over which the pace is told."""
DRAWN = 30
"""Minutes that the drawing of the pace shows."""
SKEWED_MS = 30_000
"""From here on a clock is worth a warning."""
GROUPS = 50
"""Pushed groups shown; the newest."""
PUSHED = "push_time_seconds"
"""The series by which a Pushgateway, and we in its place, say when a group was pushed."""

REASONS = {
    Reason.TOO_OLD: _("too old"),
    Reason.TOO_NEW: _("from the future"),
    Reason.NOT_FINITE: _("not finite"),
    Reason.NOT_A_NUMBER: _("not a number"),
    Reason.BAD_NAME: _("name that cannot be kept"),
    Reason.BAD_LABELS: _("labels that cannot be kept"),
    Reason.MALFORMED: _("malformed"),
    Reason.UNSUPPORTED: _("kind that is not supported"),
    Reason.DUPLICATE: _("there already"),
    Reason.SERIES_LIMIT: _("above the limit of series"),
    Reason.RATE_LIMIT: _("above the limit of samples a second"),
    Reason.NO_ROOM: _("above the limit of announcements"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A source in the list. `per_minute` is its pace over the last minutes, `skew_s` how far its clock is behind ours
    (negative: ahead), None when unknown."""

    name: str
    kind: str
    condition: Condition
    succeeded_at: datetime | None
    error: str
    error_at: datetime | None
    per_minute: float
    series: int
    limit: int
    rejected: int
    skew_s: float | None

    @property
    def id(self) -> str:
        # A dot would be a class in a selector.
        return f"source-{self.name.replace('.', '--')}"

    @property
    def kind_word(self) -> StrOrPromise:
        return Source.Kind(self.kind).label

    @property
    def is_skewed(self) -> bool:
        return self.skew_s is not None and abs(self.skew_s) * 1_000 > SKEWED_MS

    @property
    def is_ahead(self) -> bool:
        return self.skew_s is not None and self.skew_s < 0

    @property
    def skew(self) -> float:
        return abs(self.skew_s or 0)

    @property
    def is_sender(self) -> bool:
        return self.kind == Source.Kind.PUSH

    @property
    def is_limited(self) -> bool:
        return self.is_sender or self.is_fetched

    @property
    def is_fetched(self) -> bool:
        return self.kind not in (Source.Kind.PUSH, Source.Kind.HOST, Source.Kind.OWN)

    @property
    def is_full(self) -> bool:
        return self.series >= self.limit


@dataclass(frozen=True, slots=True)
class Rejected:
    reason: str
    samples: int
    at: datetime
    example: str

    @property
    def words(self) -> StrOrPromise:
        return REASONS.get(self.reason, self.reason)


@dataclass(frozen=True, slots=True)
class Token:
    """`replaced` says that another one was made in its place, so that this one is to be revoked."""

    name: str
    prefix: str
    used_at: datetime | None
    replaced: bool


@dataclass(frozen=True, slots=True)
class Group:
    """What a job pushed, and how many whole minutes ago."""

    name: str
    at: datetime
    minutes: int

    @property
    def seconds(self) -> int:
        return self.minutes * 60


@dataclass(frozen=True, slots=True)
class Fetching:
    interval_s: int
    took_ms: int | None
    samples: int | None
    failures: int


@dataclass(frozen=True, slots=True)
class Report:
    """A source's page. `line` and `area` are the path data of its pace over the last half hour; "" without any."""

    row: Row
    fetching: Fetching | None
    rejections: tuple[Rejected, ...]
    tokens: tuple[Token, ...]
    groups: tuple[Group, ...]
    line: str
    area: str


def rows(now: int) -> tuple[Row, ...]:
    """Every source by name, in a constant number of queries; `now` is in epoch ms."""
    sources = list(Source.objects.select_related("pull").order_by("name"))
    return tuple(_rows(sources, _paces([source.pk for source in sources], now, RECENT), now))


def report(name: str, now: int) -> Report | None:
    """A source's page, in a constant number of queries; None when there is no such source."""
    source = Source.objects.select_related("pull").filter(name=name).first()
    if source is None:
        return None
    pace = _paces([source.pk], now, DRAWN)
    (row,) = _rows([source], pace, now)
    drawing = _drawn(pace.get(source.pk, {}), now)
    return Report(
        row=row,
        fetching=_fetching(pull_of(source)),
        rejections=tuple(Rejected(r.reason, r.samples, r.last_at, r.example) for r in source.rejections.all()),
        tokens=tuple(_tokens(source)),
        groups=tuple(_groups(source, now)),
        line=drawing[0],
        area=drawing[1],
    )


def pull_of(source: Source) -> Pull | None:
    return getattr(source, "pull", None)


def standing(source: Source) -> QuerySet[SourceToken]:
    """The source's tokens that let in, the newest first, each with its successor."""
    return source.tokens.filter(revoked_at=None).select_related("successor").order_by("-created_at", "-pk")


Pace = Mapping[int, int]
"""Samples by the minute's start in epoch ms."""


def _rows(sources: Sequence[Source], paces: Mapping[int, Pace], now: int) -> Iterable[Row]:
    ids = [source.pk for source in sources]
    series = _by_source(Series.objects.filter(source__in=ids), n=Count("pk"), interval=Min("interval_ms"))
    rejected = _by_source(Rejection.objects.filter(_lost(), source__in=ids), n=Sum("samples"))
    for source in sources:
        known, pull = series.get(source.pk, {}), pull_of(source)
        yield Row(
            name=source.name,
            kind=source.kind,
            condition=condition(source, pull, known.get("interval"), from_ms(now)),
            succeeded_at=pull.succeeded_at if pull else source.last_seen_at,
            error=source.last_error,
            error_at=source.last_error_at,
            per_minute=_pace(paces.get(source.pk, {}), source, now),
            series=known.get("n", 0),
            limit=source.series_limit,
            rejected=rejected.get(source.pk, {}).get("n", 0),
            skew_s=None if source.skew_ms is None else source.skew_ms / 1_000,
        )


def _lost() -> Q:
    """What was there already is not lost."""
    return ~Q(reason=Reason.DUPLICATE)


def _by_source(rows: QuerySet, **aggregates: Count | Min | Max | Sum) -> dict[int, dict]:
    return {row.pop("source"): row for row in rows.order_by().values("source").annotate(**aggregates)}


def _paces(ids: Collection[int], now: int, minutes: int) -> dict[int, Pace]:
    """The samples of each source in each of the last full minutes, from the roll-ups of a minute."""
    end = now // MINUTE_MS * MINUTE_MS
    buckets = Rollup.objects.filter(series__source__in=ids, res=60, t__gte=end - minutes * MINUTE_MS, t__lt=end)
    out: dict[int, dict[int, int]] = {}
    for source, t, n in buckets.order_by().values_list("series__source", "t").annotate(Sum("n")):
        out.setdefault(source, {})[t] = n
    return dict(out)


def _pace(pace: Pace, source: Source, now: int) -> float:
    """Samples a minute over the last five, or over as many as there are since the source was made."""
    end = now // MINUTE_MS * MINUTE_MS
    minutes = max(1, min(RECENT, (end - to_ms(source.created_at)) // MINUTE_MS))
    return sum(pace.get(end - n * MINUTE_MS, 0) for n in range(1, minutes + 1)) / minutes


def _drawn(pace: Pace, now: int) -> tuple[str, str]:
    end = now // MINUTE_MS * MINUTE_MS
    start = end - DRAWN * MINUTE_MS
    points = [(t, float(pace.get(t, 0))) for t in range(start, end, MINUTE_MS)] if pace else []
    drawing = sparkline(points, start=start, end=end - MINUTE_MS)
    return (drawing.line, drawing.area) if drawing else ("", "")


def _fetching(pull: Pull | None) -> Fetching | None:
    return Fetching(pull.interval_s, pull.took_ms, pull.samples, pull.failures) if pull else None


def _tokens(source: Source) -> Iterable[Token]:
    for token in standing(source):
        yield Token(token.name, token.prefix, token.last_used_at, replaced=token.successor_id is not None)


def _groups(source: Source, now: int) -> Iterable[Group]:
    pushed = source.series.filter(name=PUSHED, last_ts__isnull=False).exclude(stale_at__gte=F("last_ts"))
    for series in pushed.order_by("-last_ts")[:GROUPS]:
        labels = sorted(series.labels.items(), key=lambda pair: (pair[0] != "job", pair[0]))
        name = ", ".join(f'{name}="{value}"' for name, value in labels)
        pushed_at = series.last_ts or 0
        yield Group(name, from_ms(pushed_at), max(0, now - pushed_at) // MINUTE_MS)
