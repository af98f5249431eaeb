"""remote_write 1.0: prometheus.WriteRequest. Labels are spelled out in each time series."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.message import DecodeError

from metrics.ingest.calls import Call, Taken
from metrics.ingest.families import learn, said_of
from metrics.ingest.known import KNOWN, LARGEST_LABEL, Known
from metrics.ingest.messages import prometheus
from metrics.ingest.naming import LABELS, BadLabels, BadName
from metrics.ingest.problems import Problem
from metrics.ingest.remote_write_intake import Intake
from metrics.ingest.wire import Fields, Walk, bounded, tag
from metrics.sentences import placed
from metrics.sentences import sentence as _

TIME_SERIES, METADATA = tag(1), tag(3)
Label, TimeSeries, MetricMetadata = (prometheus[name] for name in ("Label", "TimeSeries", "MetricMetadata"))


def take(body: bytes, call: Call) -> Taken:
    """What a WriteRequest brings. Raises Problem, wire.Malformed and wire.TooMuch."""
    fields = Walk().fields(body)
    learn(call.sender.id, _families(fields))
    intake = Intake(call)
    for intake.at, piece in enumerate(fields[TIME_SERIES]):
        try:
            _take_series(intake, bounded(piece))
        except DecodeError as error:
            raise Problem(400, placed(f"timeseries[{intake.at}]", str(error))) from None
    return intake.taken


def _take_series(intake: Intake, piece: bytes) -> None:
    series = TimeSeries.FromString(piece)
    labels = tuple(series.labels)
    key = (intake.sender, labels)
    known = intake.meetings.known(key)
    if known is None:
        try:
            known = _read(intake, labels)
        except (BadName, BadLabels) as fault:
            intake.refuse(fault, series)
            return
        KNOWN.put(key, known, 400 + sum(220 + 2 * len(label) for label in labels))
    intake.take(known, series)


def _read(intake: Intake, labels: tuple[bytes, ...]) -> Known:
    if len(labels) > LABELS + 1 or any(len(label) > LARGEST_LABEL for label in labels):
        raise BadLabels(
            placed(
                f"timeseries[{intake.at}].labels",
                _("expected at most %(most)d labels of %(bytes)d bytes", most=LABELS, bytes=LARGEST_LABEL),
            )
        )
    pairs = [(label.name, label.value) for label in map(Label.FromString, labels)]
    identity = intake.series(pairs)
    return Known(identity, said_of(identity.source, identity.metric))


def _families(fields: Fields) -> Iterator[tuple[str, int, str, str]]:
    for index, piece in enumerate(fields[METADATA]):
        try:
            family = MetricMetadata.FromString(bounded(piece))
        except DecodeError as error:
            raise Problem(400, placed(f"metadata[{index}]", str(error))) from None
        yield family.metric_family_name, family.type, family.unit, family.help
