"""Sources, series and samples for tests, with what does not matter to them filled in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from metrics.series.models import Sample, Series
from metrics.series.readings import Identity, Reading, series_key, sorted_labels
from metrics.series.storing import Stored, store
from metrics.sources.models import Source

NOW = 1_795_154_400_000
"""A full minute, in epoch ms."""


def a_source(name: str = "shop", kind: str = "push") -> Source:
    return Source.objects.get_or_create(name=name, defaults={"kind": kind})[0]


def a_series(
    metric: str = "orders",
    values: Sequence[float] = (),
    *,
    until: int = NOW,
    interval_ms: int | None = 1_000,
    source: Source | None = None,
    labels: dict[str, str] | None = None,
    **fields: Any,
) -> Series:
    """A series whose samples came at its interval, the last one at `until`. Nobody is told."""
    pairs = sorted_labels(labels or {})
    step = interval_ms or 1_000
    times = [until - n * step for n in reversed(range(len(values)))]
    series = Series.objects.create(
        source=source or a_source(),
        name=metric,
        labels=dict(pairs),
        key=series_key(metric, pairs),
        interval_ms=interval_ms,
        last_ts=times[-1] if times else None,
        total=len(times),
        **fields,
    )
    Sample.objects.bulk_create(Sample(series=series, ts=ts, value=v) for ts, v in zip(times, values, strict=True))
    return series


def push(metric: str, value: float, *, ts: int = NOW, source: Source | None = None, **labels: str) -> Stored:
    """Store one sample as the writer does."""
    identity = Identity((source or a_source()).pk, metric, sorted_labels(labels))
    return store([Reading(identity, ts, value)])
