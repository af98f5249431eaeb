"""What senders say about metric families, and which series that concerns.

Prometheus sends it once a minute, apart from the samples, and often after the first of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import NamedTuple

from metrics.ingest.naming import UNFIT
from metrics.ingest.units import shown_unit, unit_in_name
from metrics.recent import Recent

HELP_LENGTH = 500
GAUGE, COUNTER, HISTOGRAM, SUMMARY, UNKNOWN = "gauge", "counter", "histogram", "summary", "unknown"
"""Values of Series.Kind."""
COUNTS = ("_bucket", "_count", "_gcount")
"""Ends of names whose values are numbers of observations, whatever was observed."""


class Description(NamedTuple):
    """What a sender says about a series. `kind` is a Series.Kind."""

    unit: str = ""
    kind: str = UNKNOWN
    help: str = ""


class Type(IntEnum):
    """The types of a family: the enumeration of remote_write, the same in versions 1 and 2."""

    UNKNOWN = 0
    COUNTER = 1
    GAUGE = 2
    HISTOGRAM = 3
    GAUGE_HISTOGRAM = 4
    SUMMARY = 5
    INFO = 6
    STATE_SET = 7


KINDS: Mapping[int, Mapping[str, str]] = {
    Type.COUNTER: {"": COUNTER, "_total": COUNTER, "_created": GAUGE},
    Type.GAUGE: {"": GAUGE},
    Type.HISTOGRAM: {"_bucket": HISTOGRAM, "_count": HISTOGRAM, "_sum": HISTOGRAM, "_created": GAUGE},
    Type.GAUGE_HISTOGRAM: {"_bucket": GAUGE, "_gcount": GAUGE, "_gsum": GAUGE},
    Type.SUMMARY: {"": SUMMARY, "_count": SUMMARY, "_sum": SUMMARY, "_created": GAUGE},
    Type.INFO: {"": GAUGE, "_info": GAUGE},
    Type.STATE_SET: {"": GAUGE},
}
"""The kinds of a family's series, by what their names add to the family's."""

_said: Recent[tuple[int, str], Description] = Recent(8 * 1024 * 1024)
_changes: Counter[int] = Counter()


def learn(source: int, families: Iterable[tuple[str, int, str, str]]) -> None:
    """Remember families given as (name, type, unit, help). Readings that come later carry it to their series."""
    changed = False
    for family in families:
        for metric, said in expanded(*family).items():
            if _said.get((source, metric)) != said:
                _said.put((source, metric), said, 300 + len(metric) + 4 * len(said.help))
                changed = True
    _changes[source] += changed


def changes(source: int) -> int:
    """How often the source has said something new; what was worked out before is out of date."""
    return _changes[source]


def said_of(source: int, metric: str) -> Description:
    """What is known of a series: what its sender said, or else the unit that its name ends with."""
    return _said.get((source, metric)) or Description(_unit(metric, ""))


def expanded(name: str, kind: int, unit: str, text: str) -> dict[str, Description]:
    """What a family says about each of the series that it may have, by their names."""
    explained = fit_help(text)
    kinds = KINDS.get(kind, {"": UNKNOWN})
    return {name + end: Description(_unit(name + end, unit), series, explained) for end, series in kinds.items()}


def of_series(metric: str, kind: int, unit: str, text: str) -> Description:
    """What is said of one series, where it is known by its whole name: a family's name may be its beginning."""
    kinds = KINDS.get(kind, {"": UNKNOWN})
    end = max((end for end in kinds if metric.endswith(end)), key=len, default="")
    return Description(_unit(metric, unit), kinds.get(end, UNKNOWN), fit_help(text))


def fit_help(text: str) -> str:
    """The explanation as it can be stored: without control characters, at most 500 characters."""
    return UNFIT.sub(" ", text[:HELP_LENGTH]).strip()


def _unit(metric: str, unit: str) -> str:
    if metric.endswith(COUNTS):
        return ""
    return shown_unit(unit) or unit_in_name(metric)
