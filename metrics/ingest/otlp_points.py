"""Data points as readings: what one point comes to, for each of the five kinds of metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, pairwise
from math import inf, isfinite
from typing import Any, NamedTuple

from metrics.ingest.families import COUNTER, GAUGE, HISTOGRAM, SUMMARY
from metrics.ingest.messages import opentelemetry
from metrics.sentences import Fault, placed
from metrics.sentences import sentence as _

NO_VALUE = 1
"""The flag of a point without a value: the series has ended."""
MOST_BUCKETS = 1_000


class BadPoint(Fault):
    """The sentence is for the sender."""


class Part(NamedTuple):
    """A number of a point, in the series with `end` added to the metric's name, and with the label `extra`.

    `value` is None when the series has ended. `counts` says that it counts observations, whatever was observed.
    """

    value: float | None
    end: str = ""
    extra: tuple[str, str] | None = None
    counts: bool = False


class Shape(NamedTuple):
    """How a kind of metric is read: its points' message, what a point comes to, and the Series.Kind of that."""

    message: Any
    parts: Callable[[Any], Sequence[Part]]
    kind: str


def of_number(point: Any) -> Sequence[Part]:
    if point.flags & NO_VALUE:
        return (Part(None),)
    value = point.as_double or float(point.as_int)
    if not value and point.WhichOneof("value") is None:
        raise BadPoint(_("expected as_double or as_int"))
    return (Part(value),)


def of_histogram(point: Any) -> Sequence[Part]:
    """Buckets as Prometheus has them: each counts what is at most `le`, so that they include each other."""
    bounds, counts = point.explicit_bounds, point.bucket_counts
    if len(counts) > MOST_BUCKETS:
        raise BadPoint(_("expected at most %(most)d buckets, got %(n)d", most=MOST_BUCKETS, n=len(counts)))
    if counts and len(counts) != len(bounds) + 1:
        given = {"most": len(bounds) + 1, "bounds": len(bounds), "n": len(counts)}
        raise BadPoint(_("expected %(most)d bucket_counts for %(bounds)d explicit_bounds, got %(n)d", **given))
    if not all(map(isfinite, bounds)) or any(low >= high for low, high in pairwise(bounds)):
        raise BadPoint(placed("explicit_bounds", _("expected finite numbers, each larger than the one before")))
    ended = bool(point.flags & NO_VALUE)
    sums = [None] * len(counts) if ended else map(float, accumulate(counts))
    buckets = (
        Part(value, "_bucket", ("le", le_text(le)), True) for le, value in zip((*bounds, inf), sums, strict=False)
    )
    return (*buckets, *_count_and_sum(point))


def of_exponential_histogram(point: Any) -> Sequence[Part]:
    """Only how many and how much: its buckets change their bounds as they come."""
    return tuple(_count_and_sum(point))


def of_summary(point: Any) -> Sequence[Part]:
    ended = bool(point.flags & NO_VALUE)
    if len(point.quantile_values) > MOST_BUCKETS:
        n = len(point.quantile_values)
        raise BadPoint(_("expected at most %(most)d quantile_values, got %(n)d", most=MOST_BUCKETS, n=n))
    quantiles = [
        Part(None if ended else each.value, extra=("quantile", le_text(each.quantile)))
        for each in point.quantile_values
    ]
    count = Part(None if ended else float(point.count), "_count", counts=True)
    return (*quantiles, count, Part(None if ended else point.sum, "_sum"))


def _count_and_sum(point: Any) -> Iterator[Part]:
    ended = bool(point.flags & NO_VALUE)
    yield Part(None if ended else float(point.count), "_count", counts=True)
    if ended or point.HasField("sum"):
        yield Part(None if ended else point.sum, "_sum")


def le_text(bound: float) -> str:
    """A bound as the Prometheus text format writes it: 0.5, 5, +Inf."""
    if bound == inf:
        return "+Inf"
    return str(int(bound)) if bound.is_integer() and abs(bound) < 1e15 else repr(bound)


SUM = Shape(opentelemetry["NumberDataPoint"], of_number, COUNTER)
GAUGES = Shape(opentelemetry["NumberDataPoint"], of_number, GAUGE)
HISTOGRAMS = Shape(opentelemetry["HistogramDataPoint"], of_histogram, HISTOGRAM)
EXPONENTIAL = Shape(opentelemetry["ExponentialHistogramDataPoint"], of_exponential_histogram, HISTOGRAM)
SUMMARIES = Shape(opentelemetry["SummaryDataPoint"], of_summary, SUMMARY)
