"""Tiles: what a board's fragments print, free of language, time zone and reader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from live.clock import from_ms
from live.push.topics import Part
from metrics.charts import sparkline
from metrics.kpis.evaluation import Change, Evaluation, Status
from metrics.kpis.models import KPI, Direction

WORST_FIRST: tuple[Status, ...] = ("crit", "warn", "stale", "none", "ok")
LATE_AFTER_S = {"": 15, "late-60": 60, "late-300": 300, "late-3600": 3600}
"""The page's classes for a time that nobody renewed, and when they show; see `.late` in the style sheet."""
SOON = ""
"""The shortest wait: for a value that came once, so that nobody can say whether another is due."""
HEALING_MS = 3_000


@dataclass(frozen=True, slots=True)
class Spark:
    """A line without axes as path data; `limit_y` is where the limit that the value is beyond lies, None if none."""

    line: str
    area: str
    limit_y: float | None


@dataclass(frozen=True, slots=True)
class Tile:
    """One KPI on a board. `at` is when its value was measured, `series` the number of live series in it; a tile of
    status "none" has neither value nor `at`.

    `limit` is the limit that the value is beyond, on the side that `limit_above` tells; it is given when the status is
    "warn" or "crit", and only then. `late` is the class by which the page shows, without the server, that `at` should
    have been renewed by now.
    """

    slug: str
    name: str
    value: float | None
    unit: str
    precision: int | None
    status: Status
    change: Change | None
    spark: Spark | None
    at: datetime | None
    at_ms: int
    late: str
    series: int
    limit: float | None
    limit_above: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """Is anything wrong? The number of tiles by status, and the first of the worst."""

    crit: int = 0
    warn: int = 0
    stale: int = 0
    none: int = 0
    ok: int = 0
    worst_status: str = ""
    worst_name: str = ""

    @property
    def total(self) -> int:
        return self.crit + self.warn + self.stale + self.none + self.ok


@dataclass(frozen=True, slots=True)
class Title:
    """A board's heading."""

    slug: str
    name: str


def tile_parts(kpis: Sequence[KPI], evaluations: Mapping[int, Evaluation]) -> tuple[Part, ...]:
    return tuple(tile_part(make_tile(kpi, evaluations[kpi.pk])) for kpi in kpis)


def tile_part(tile: Tile) -> Part:
    return Part(f"tile-{tile.slug}", "metrics/_tile.html", "tile", tile, _event(tile))


def make_tile(kpi: KPI, found: Evaluation) -> Tile:
    return Tile(
        slug=kpi.slug,
        name=kpi.name,
        value=found.value,
        unit=kpi.unit,
        precision=kpi.precision,
        status=found.status,
        change=found.change,
        spark=_spark(found),
        at=_moment(found.at),
        at_ms=found.at or 0,
        late=_late(found.stale_after_ms) if found.paced else SOON,
        series=found.live,
        limit=found.limit,
        limit_above=kpi.direction == Direction.ABOVE,
    )


def sum_up(tiles: Sequence[Tile]) -> Verdict:
    counts = Counter(tile.status for tile in tiles)
    worst = min(tiles, key=lambda tile: WORST_FIRST.index(tile.status), default=None)
    if worst is None:
        return Verdict()
    return Verdict(
        crit=counts["crit"],
        warn=counts["warn"],
        stale=counts["stale"],
        none=counts["none"],
        ok=counts["ok"],
        worst_status=worst.status,
        worst_name=worst.name,
    )


def _spark(found: Evaluation) -> Spark | None:
    drawn = found.drawn
    drawing = sparkline(drawn.line, start=drawn.start, end=drawn.end, limit=found.limit)
    return Spark(drawing.line, drawing.area, drawing.limit_y) if drawing else None


def _late(stale_after_ms: int) -> str:
    """The first class that shows later than the server's own word, which takes until healing at worst; or the last."""
    patience = stale_after_ms + HEALING_MS
    return next((name for name, seconds in LATE_AFTER_S.items() if seconds * 1000 >= patience), "late-3600")


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else from_ms(ms)


def _event(tile: Tile) -> dict:
    at = tile.at and tile.at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "type": "tile",
        "kpi": tile.slug,
        "value": tile.value,
        "unit": tile.unit,
        "status": tile.status,
        "at": at,
    }
