"""Tiles without a database."""

from __future__ import annotations

from metrics.boards.tiles import Tile, make_tile
from metrics.kpis.evaluation import evaluate
from metrics.kpis.lines import Track
from metrics.kpis.models import KPI

NOW = 1_795_154_400_000


def a_tile(*values: float, now: int = NOW, interval_ms: int | None = 1_000, tracks: int = 1, **fields) -> Tile:
    """The tile at `now` of a KPI whose series each had these values, the last at NOW."""
    kpi = KPI(**{"slug": "orders", "name": "Orders", "metric": "orders"} | fields)
    times = [NOW - n * (interval_ms or 0) for n in reversed(range(len(values)))]
    points = list(zip(times, map(float, values), strict=True))
    return make_tile(kpi, evaluate(kpi, [Track(points, interval_ms)] * tracks if values else [], now))
