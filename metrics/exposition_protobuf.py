"""Prometheus' protobuf format, in which Go's client pushes: MetricFamily messages, each after its length.

Names, labels and bounds come to what the text format of the same client says. Of a histogram that has only native
buckets the count and the sum are kept; exemplars and times of creation are passed over.

Sources: io/prometheus/client/metrics.proto, github.com/prometheus/common/tree/main/expfmt.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError

from metrics.exposition_families import About, about_part
from metrics.exposition_text import MOST_SAMPLES, BadText, Exposed
from metrics.ingest.messages import client
from metrics.ingest.naming import LABEL_NAME_LENGTH, LABEL_VALUE_LENGTH, LABELS, clipped, fit_metric
from metrics.ingest.wire import VARINT, Fields, Malformed, TooMuch, Walk, bounded, tag, varint
from metrics.sentences import Sentence, placed, words
from metrics.sentences import sentence as _

NAME, HELP, TYPE, METRIC, UNIT = tag(1), tag(2), tag(3, VARINT), tag(4), tag(5)
LARGEST_LABEL = 4 * (LABEL_NAME_LENGTH + LABEL_VALUE_LENGTH) + 16
"""Bytes of a label, above which its text is longer than is kept."""
MOST_PARTS = 1_000
"""Buckets of a histogram, and quantiles of a summary."""
INFINITE = "+Inf"

Label, Metric = client["LabelPair"], client["Metric"]


class Part(NamedTuple):
    """A number of a metric, in the series with `end` added to the family's name, and with the label `extra`."""

    value: float
    end: str = ""
    extra: tuple[str, str] | None = None


class Shape(NamedTuple):
    """How the metrics of a type are read. `kind` is its word in the text format, `field` that of a Metric."""

    kind: str
    field: str
    parts: Callable[[Any], Sequence[Part]]


@dataclass(frozen=True, slots=True)
class Family:
    name: str
    shape: Shape
    unit: str | None
    help: str
    _known: dict[str, About] = field(default_factory=dict)

    def about(self, part: str) -> About:
        if part not in self._known:
            self._known[part] = about_part(self.name, part, self.shape.kind, unit=self.unit, text=self.help)
        return self._known[part]


def exposed_families(body: bytes) -> Iterator[Exposed]:
    """The samples of a body. Raises BadText and BadName."""
    walk, names, left = Walk(), set[str](), MOST_SAMPLES
    for at, piece in enumerate(_pieces(body)):
        family, metrics = _family(walk, piece, f"families[{at}]")
        if family.name in names:
            fault = _("expected each family once, got %(name)s twice", name=clipped(family.name))
            raise BadText(placed(f"families[{at}]", fault))
        names.add(family.name)
        for index, metric in enumerate(metrics):
            samples = _samples(family, metric, f"{clipped(family.name)}: metric[{index}]")
            left -= len(samples)
            if left < 0:
                raise BadText(placed(clipped(family.name), _("expected at most %(most)d samples", most=MOST_SAMPLES)))
            yield from samples


def number_text(number: float) -> str:
    """A number as Go writes it: 0.5, 5, 1e+06, +Inf."""
    if not math.isfinite(number):
        return "NaN" if math.isnan(number) else INFINITE if number > 0 else "-Inf"
    shortest = Decimal(repr(number))
    if number and not -4 <= shortest.adjusted() < 6:
        return f"{number:.{len(shortest.normalize().as_tuple().digits) - 1}e}"
    return repr(number).removesuffix(".0")


def _pieces(body: bytes) -> Iterator[bytes]:
    at = index = 0
    while at < len(body):
        try:
            size, at = varint(body, at)
        except (IndexError, Malformed):
            raise BadText(placed(f"families[{index}]", _("expected the length of a message"))) from None
        if size > len(body) - at:
            fault = _("the body breaks off: expected %(size)d bytes, got %(n)d", size=size, n=len(body) - at)
            raise BadText(placed(f"families[{index}]", fault))
        yield body[at : at + size]
        at, index = at + size, index + 1


def _family(walk: Walk, piece: bytes, place: str) -> tuple[Family, Sequence[bytes]]:
    """A family, and its metrics as they were sent. Raises BadText and BadName."""
    try:
        fields = walk.fields(piece)
    except (Malformed, TooMuch) as error:
        raise BadText(_unread(place, "a MetricFamily", error)) from None
    # Checked here, since each bucket is named after it: a name of a MiB would become a GiB.
    name = fit_metric(_text(fields, NAME, f"{place}.name"), place=f"{place}.name")
    kind = fields[TYPE][-1] if fields[TYPE] else 0
    if kind not in SHAPES:
        fault = _("expected 0 to %(most)d, got %(n)d", most=max(SHAPES), n=kind)
        raise BadText(placed(f"{place}.type", fault))
    unit = _text(fields, UNIT, f"{place}.unit") if fields[UNIT] else None
    return Family(name, SHAPES[kind], unit, _text(fields, HELP, f"{place}.help")), fields[METRIC]


def _text(fields: Fields, key: int, place: str) -> str:
    """Of a field that comes several times the last one counts."""
    try:
        return fields[key][-1].decode() if fields[key] else ""
    except UnicodeDecodeError:
        raise BadText(placed(place, _("expected UTF-8"))) from None


def _samples(family: Family, piece: bytes, place: str) -> list[Exposed]:
    try:
        metric = Metric.FromString(bounded(piece))
        return [_sample(family, metric, labels, part, place) for labels, part in _parts(family.shape, metric, place)]
    except (TooMuch, DecodeError) as error:
        raise BadText(_unread(place, "a Metric", error)) from None


def _parts(shape: Shape, metric: Any, place: str) -> Iterator[tuple[dict[str, str], Part]]:
    """The numbers of a metric, each with all of its labels."""
    if not metric.HasField(shape.field):
        raise BadText(placed(f"{place}.{shape.field}", _("expected one, as the type of the family says")))
    labels = _labels(metric.label, f"{place}.label")
    for part in shape.parts(getattr(metric, shape.field)):
        if part.extra and part.extra[0] in labels:
            raise BadText(_twice(f"{place}.label", part.extra[0]))
        yield labels | dict([part.extra]) if part.extra else labels, part


def _sample(family: Family, metric: Any, labels: dict[str, str], part: Part, place: str) -> Exposed:
    ts = metric.timestamp_ms if metric.HasField("timestamp_ms") else None
    return Exposed(family.name + part.end, labels, part.value, ts, *family.about(part.end), place)


def _labels(pieces: Sequence[bytes], place: str) -> dict[str, str]:
    if len(pieces) > LABELS or any(len(piece) > LARGEST_LABEL for piece in pieces):
        said = {"most": LABELS, "longest": LABEL_VALUE_LENGTH}
        raise BadText(placed(place, _("expected at most %(most)d labels of %(longest)d characters", **said)))
    labels: dict[str, str] = {}
    for label in map(Label.FromString, pieces):
        # As in the text format: what begins so is Prometheus' own.
        if not label.name or label.name.startswith("__"):
            fault = _("expected the name of a label, got %(got)s", got=ascii(clipped(label.name)))
            raise BadText(placed(place, fault))
        if label.name in labels:
            raise BadText(_twice(place, label.name))
        labels[label.name] = label.value
    return labels


def _twice(place: str, name: str) -> Sentence:
    return placed(place, _("the name %(name)s comes twice", name=clipped(name)))


def _unread(place: str, message: str, error: Exception) -> Sentence:
    return placed(place, _("expected %(message)s, %(fault)s", message=message, fault=words(error)))


def _of_number(number: Any) -> Sequence[Part]:
    return (Part(number.value),)


def _of_summary(summary: Any) -> Sequence[Part]:
    quantiles = [
        Part(each.value, extra=("quantile", number_text(each.quantile))) for each in _bounded(summary.quantile)
    ]
    return (*quantiles, Part(summary.sample_sum, "_sum"), Part(float(summary.sample_count), "_count"))


def _of_histogram(histogram: Any) -> Sequence[Part]:
    count = _count(histogram)
    return (*_buckets(histogram, count), Part(histogram.sample_sum, "_sum"), Part(count, "_count"))


def _of_gauge_histogram(histogram: Any) -> Sequence[Part]:
    count = _count(histogram)
    return (*_buckets(histogram, count), Part(histogram.sample_sum, "_gsum"), Part(count, "_gcount"))


def _buckets(histogram: Any, count: float) -> list[Part]:
    """The classic ones. That of +Inf may be left out, as it says what the count says."""
    counts = [
        (number_text(bucket.upper_bound), bucket.cumulative_count_float or float(bucket.cumulative_count))
        for bucket in _bounded(histogram.bucket)
    ]
    if counts and counts[-1][0] != INFINITE:
        counts.append((INFINITE, count))
    return [Part(value, "_bucket", ("le", le)) for le, value in counts]


def _count(histogram: Any) -> float:
    return histogram.sample_count_float or float(histogram.sample_count)


def _bounded(parts: Sequence[Any]) -> Sequence[Any]:
    if len(parts) > MOST_PARTS:
        raise TooMuch(_("expected at most %(most)d buckets or quantiles, got %(n)d", most=MOST_PARTS, n=len(parts)))
    return parts


SHAPES: Mapping[int, Shape] = {
    0: Shape("counter", "counter", _of_number),
    1: Shape("gauge", "gauge", _of_number),
    2: Shape("summary", "summary", _of_summary),
    3: Shape("untyped", "untyped", _of_number),
    4: Shape("histogram", "histogram", _of_histogram),
    5: Shape("gaugehistogram", "histogram", _of_gauge_histogram),
}
"""By the numbers of io.prometheus.client.MetricType."""
