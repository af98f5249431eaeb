"""What the lines that begin with # say about the metrics of a text: TYPE, HELP and UNIT."""

from __future__ import annotations

import re
from typing import NamedTuple

from metrics.ingest.naming import UNFIT
from metrics.ingest.units import shown_unit, unit_in_name
from metrics.series.models import Series

HELP = 1_000
"""Characters kept of a help text."""

Kind = Series.Kind
KINDS = {
    "counter": Kind.COUNTER,
    "gauge": Kind.GAUGE,
    "histogram": Kind.HISTOGRAM,
    "gaugehistogram": Kind.GAUGE,
    "summary": Kind.SUMMARY,
    "info": Kind.GAUGE,
    "stateset": Kind.GAUGE,
}
PARTS = {
    "counter": ("_total", "_created"),
    "summary": ("_count", "_sum", "_created"),
    "histogram": ("_bucket", "_count", "_sum", "_created"),
    "gaugehistogram": ("_bucket", "_gcount", "_gsum"),
    "info": ("_info",),
}
PART = re.compile(r"(.+)(_(?:bucket|count|sum|total|created|gcount|gsum|info))", re.DOTALL)
COUNTS = ("_bucket", "_count", "_gcount", "_info")
"""Parts that have no unit, whatever the metric measures."""

QUOTED_NAME = re.compile(r'#\s+\w+\s+"((?:[^"\\]|\\.)*+)"\s*(.*)', re.DOTALL)
ESCAPED = re.compile(r'\\([\\n"])')


class TypeComesTwice(ValueError):
    """A second TYPE for a metric, or one after its samples."""


class About(NamedTuple):
    """`kind` is one of Series.Kind."""

    kind: str = Kind.UNKNOWN
    unit: str = ""
    help: str = ""


class Families:
    """The first word on a metric counts. With `strict` a second TYPE, or one after the samples, raises TypeComesTwice:
    Prometheus lets it pass, and the Pushgateway does not."""

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict
        self._types: dict[str, str] = {}
        self._helps: dict[str, str] = {}
        self._units: dict[str, str] = {}
        self._known: dict[str, About] = {}

    def note(self, line: str) -> None:
        """Take in a line that begins with #; comments are passed over."""
        words = line.split(None, 3)
        if len(words) < 4 or words[0] != "#":
            return
        _hash, what, name, rest = words
        if name.startswith('"') and (found := QUOTED_NAME.match(line)):
            name, rest = _unescaped(found[1]), found[2]
        if what == "TYPE":
            self._note_type(name, rest.strip())
        elif what == "HELP":
            self._helps.setdefault(name, rest)
        elif what == "UNIT":
            self._units.setdefault(name, rest.strip())

    def about(self, name: str) -> About:
        """What the lines so far say about the samples of this name."""
        if name not in self._known:
            self._known[name] = self._about(name)
        return self._known[name]

    def _note_type(self, name: str, kind: str) -> None:
        if self._strict and (name in self._types or name in self._known):
            raise TypeComesTwice(name)
        self._types.setdefault(name, kind)

    def _about(self, name: str) -> About:
        family, part = (name, "") if name in self._types else self._family(name)
        text = _unescaped(self._helps.get(family, ""))
        return about_part(family, part, self._types.get(family, ""), unit=self._units.get(family), text=text)

    def _family(self, name: str) -> tuple[str, str]:
        found = PART.fullmatch(name)
        if found and found[2] in PARTS.get(self._types.get(found[1], ""), ()):
            return found[1], found[2]
        return name, ""


def about_part(family: str, part: str, kind: str, *, unit: str | None, text: str) -> About:
    """What a family says about the samples whose names end in `part`. `kind` is one of KINDS, `unit` is as written;
    without one the name may tell it."""
    series = KINDS.get(kind, Kind.UNKNOWN) if part != "_created" else Kind.GAUGE
    return About(str(series), _unit(family, part, unit), UNFIT.sub(" ", text)[:HELP])


def _unit(family: str, part: str, unit: str | None) -> str:
    if part in COUNTS:
        return ""
    if part == "_created":
        return "s"
    return unit_in_name(family) if unit is None else shown_unit(unit)


def _unescaped(text: str) -> str:
    return ESCAPED.sub(lambda found: "\n" if found[1] == "n" else found[1], text) if "\\" in text else text
