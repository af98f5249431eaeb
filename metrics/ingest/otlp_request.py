"""An ExportMetricsServiceRequest, taken apart: resources, scopes (which say nothing of a series), metrics, points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, NamedTuple

from metrics.ingest.calls import Call, Reason, Taken
from metrics.ingest.families import GAUGE, Description, fit_help
from metrics.ingest.known import KNOWN, Known, Meetings
from metrics.ingest.naming import (
    BadLabels,
    BadName,
    clipped,
    fit_labels,
    fit_metric,
    identity,
    in_time,
    not_finite,
    untimely,
)
from metrics.ingest.otlp_attributes import labels_of, resource_labels
from metrics.ingest.otlp_points import EXPONENTIAL, GAUGES, HISTOGRAMS, SUM, SUMMARIES, BadPoint, Part, Shape
from metrics.ingest.units import shown_unit
from metrics.ingest.wire import MOST, VARINT, Fields, TooMuch, Walk, bounded, tag
from metrics.sentences import placed
from metrics.sentences import sentence as _
from metrics.series.readings import Reading

RESOURCE_METRICS = tag(1)
RESOURCE, SCOPE_METRICS = tag(1), tag(2)
METRICS = tag(2)
NAME, DESCRIPTION, UNIT = tag(1), tag(2), tag(3)
SHAPES: Mapping[int, Shape] = {
    tag(5): GAUGES,
    tag(7): SUM,
    tag(9): HISTOGRAMS,
    tag(10): EXPONENTIAL,
    tag(11): SUMMARIES,
}
DATA_POINTS = tag(1)
TEMPORALITY, IS_MONOTONIC = tag(2, VARINT), tag(3, VARINT)
DELTA, CUMULATIVE = 1, 2
WITH_TEMPORALITY = (SUM, HISTOGRAMS, EXPONENTIAL)
FAULTS = {BadPoint: Reason.MALFORMED, BadName: Reason.BAD_NAME, BadLabels: Reason.BAD_LABELS}
MS = 1_000_000
"""Nanoseconds."""


class Metric(NamedTuple):
    """`resource` are the labels that it gives. `key` is what the series have in common, as it was sent."""

    name: str
    description: Description
    shape: Shape
    is_delta: bool
    resource: Mapping[str, str]
    key: Any


class Request:
    """Gathers what one request brings. What cannot be taken of it is counted in data points.

    `place` says how far it was read.
    """

    def __init__(self, call: Call) -> None:
        self.place = "body"
        self.taken = Taken()
        self._call = call
        self._walk = Walk()
        self._meetings = Meetings()
        self._left = MOST

    def read(self, body: bytes) -> Taken:
        """Raises DecodeError, UnicodeDecodeError, wire.Malformed and wire.TooMuch."""
        for piece in self._walk.fields(body)[RESOURCE_METRICS]:
            fields = self._walk.fields(piece)
            resource = b"".join(fields[RESOURCE])
            labels = resource_labels(resource, self._walk)
            for scope in fields[SCOPE_METRICS]:
                for each in self._walk.fields(scope)[METRICS]:
                    self._take_metric(self._walk.fields(each), resource, labels)
        return self.taken

    def _take_metric(self, fields: Fields, resource: bytes, labels: Mapping[str, str]) -> None:
        self.place = clipped(_text(fields, NAME)) or _("a metric without a name")
        for one in SHAPES.keys() & fields.keys():
            data = self._walk.fields(b"".join(fields[one]))
            points = data[DATA_POINTS]
            if not points:
                continue
            try:
                metric = self._metric(fields, SHAPES[one], data, resource, labels)
            except BadName as fault:
                self.taken.reject(Reason.BAD_NAME, fault.sentence, len(points))
            except BadPoint as fault:
                self.taken.reject(Reason.MALFORMED, placed(self.place, fault.sentence), len(points))
            else:
                self._take_points(metric, points)

    def _metric(self, fields: Fields, shape: Shape, data: Fields, resource: bytes, labels: Mapping[str, str]) -> Metric:
        """Raises BadName and BadPoint, for all points of the metric."""
        name = fit_metric(_text(fields, NAME), place=_("the name of %(what)s", what=self.place))
        temporality = _last(data, TEMPORALITY, 0)
        if shape in WITH_TEMPORALITY and temporality not in (DELTA, CUMULATIVE):
            fault = _("expected 1 (delta) or 2 (cumulative), got %(got)d", got=temporality)
            raise BadPoint(placed("aggregation_temporality", fault))
        kind = GAUGE if shape is SUM and not _last(data, IS_MONOTONIC, 0) else shape.kind
        said = Description(shown_unit(_text(fields, UNIT)), kind, fit_help(_text(fields, DESCRIPTION)))
        is_delta = shape in WITH_TEMPORALITY and temporality == DELTA
        key = (self._call.sender.id, self._call.sender.labels, resource, name, said)
        return Metric(name, said, shape, is_delta, labels, key)

    def _take_points(self, metric: Metric, points: Sequence[bytes]) -> None:
        from_bytes = metric.shape.message.FromString
        for index, piece in enumerate(points):
            try:
                self._take_point(metric, from_bytes(bounded(piece)))
            except (BadPoint, BadName, BadLabels) as fault:
                self.taken.reject(FAULTS[type(fault)], placed(f"{self.place}: data_points[{index}]", fault.sentence))

    def _take_point(self, metric: Metric, point: Any) -> None:
        """Raises BadPoint, BadName and BadLabels; then nothing of the point is taken."""
        call = self._call
        ts = point.time_unix_nano // MS or call.now
        if reason := in_time(ts, call):
            self.taken.reject(reason, placed(self.place, untimely(ts, reason)))
            return
        parts, attributes = metric.shape.parts(point), tuple(point.attributes)
        self._left -= len(parts)
        if self._left < 0:
            raise TooMuch(_("expected at most %(most)d samples; send them in several requests", most=MOST))
        for known, part in [(self._series(metric, attributes, part), part) for part in parts]:
            self._take_part(known, ts, part.value, metric.is_delta)

    def _take_part(self, known: Known, ts: int, value: float | None, is_delta: bool) -> None:
        identity, (unit, kind, text) = known
        if value is None:
            self.taken.ended.append((identity, ts))
        elif isfinite(value):
            self.taken.readings.append(Reading(identity, ts, value, unit, kind, text, is_delta))
        else:
            self.taken.reject(Reason.NOT_FINITE, placed(self.place, not_finite(value)))

    def _series(self, metric: Metric, attributes: tuple[bytes, ...], part: Part) -> Known:
        key = (metric.key, attributes, part.end, part.extra)
        known = self._meetings.known(key)
        if known is None:
            known = self._read_series(metric, attributes, part)
            KNOWN.put(key, known, 800 + sum(220 + 2 * len(attribute) for attribute in attributes))
        return known

    def _read_series(self, metric: Metric, attributes: tuple[bytes, ...], part: Part) -> Known:
        labels = {**metric.resource, **labels_of(attributes, "attributes"), **dict([part.extra] if part.extra else [])}
        series = identity(self._call, fit_metric(metric.name + part.end), fit_labels(labels, place="attributes"))
        return Known(series, metric.description._replace(unit="") if part.counts else metric.description)


def _last(fields: Fields, key: int, default: Any) -> Any:
    """Of a field that comes several times the last one counts."""
    return fields[key][-1] if fields[key] else default


def _text(fields: Fields, key: int) -> str:
    return _last(fields, key, b"").decode()
