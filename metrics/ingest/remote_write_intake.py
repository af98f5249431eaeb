"""What versions 1 and 2 of remote_write share: from a time series' samples to readings."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from metrics.ingest.calls import Call, Reason, Taken
from metrics.ingest.families import changes
from metrics.ingest.known import Known, Meetings
from metrics.ingest.naming import (
    FUTURE_MS,
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
from metrics.ingest.problems import Problem
from metrics.ingest.wire import MOST
from metrics.sentences import placed
from metrics.sentences import sentence as _
from metrics.series.readings import Identity, Reading

NAME = "__name__"
STALE = 0x7FF0000000000002
"""The NaN by which Prometheus says that a series has ended; all others are numbers that somebody could not work out."""
NATIVE = _("native histograms are not stored; send classic ones")

FAULTS = (Reason.BAD_NAME, Reason.BAD_LABELS, Reason.TOO_OLD, Reason.TOO_NEW, Reason.UNSUPPORTED, Reason.MALFORMED)
"""What a sender should be told with a 400. A summary without observations is NaN, in every Prometheus: were that a
fault, each of its batches would count as failed."""


class Intake:
    """Gathers what one request brings. `at` is the index of the time series that is being read."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.taken = Taken()
        self.sender = (call.sender.id, call.sender.labels, changes(call.sender.id))
        self.meetings = Meetings()
        self.at = 0
        self._left = MOST
        self._oldest, self._newest = call.oldest, call.now + FUTURE_MS

    def series(self, pairs: Sequence[tuple[str, str]]) -> Identity:
        """The identity that labels come to, the metric's name among them. Raises BadName and BadLabels."""
        labels = dict(pairs)
        if len(labels) < len(pairs):
            raise BadLabels(placed(f"timeseries[{self.at}].labels", _("a name comes twice")))
        metric = fit_metric(labels.pop(NAME, ""), place=f"timeseries[{self.at}].labels.{NAME}")
        return identity(self.call, metric, fit_labels(labels, place=f"timeseries[{self.at}].labels"))

    def refuse(self, fault: BadName | BadLabels, series: Any) -> None:
        """Count what a time series without a usable identity holds."""
        reason = Reason.BAD_NAME if isinstance(fault, BadName) else Reason.BAD_LABELS
        if held := len(series.samples) + len(series.histograms):
            self.taken.reject(reason, fault.sentence, held)

    def take(self, known: Known, series: Any) -> None:
        """Take the samples of a time series. Raises Problem when the request holds too many."""
        samples = series.samples
        self._left -= len(samples)
        if self._left < 0:
            raise Problem(413, _("expected at most %(most)d samples; send them in several requests", most=MOST))
        (identity, (unit, kind, text)), oldest, newest = known, self._oldest, self._newest
        for sample in samples:
            ts, value = sample.timestamp, sample.value
            if isfinite(value) and oldest <= ts <= newest:
                self.taken.readings.append(Reading(identity, ts, value, unit, kind, text))
            else:
                self._take_odd(identity, ts, value)
        if series.histograms:
            self.taken.reject(Reason.UNSUPPORTED, self._said(identity, NATIVE), len(series.histograms))

    def _take_odd(self, identity: Identity, ts: int, value: float) -> None:
        if reason := in_time(ts, self.call):
            self.taken.reject(reason, self._said(identity, untimely(ts, reason)))
        elif is_stale(value):
            self.taken.ended.append((identity, ts))
        else:
            self.taken.reject(Reason.NOT_FINITE, self._said(identity, not_finite(value)))

    def _said(self, identity: Identity, fault: str) -> str:
        return placed(f"timeseries[{self.at}] ({clipped(identity.metric)})", fault)


def is_stale(value: float) -> bool:
    return value != value and struct.unpack("<Q", struct.pack("<d", value))[0] == STALE


def has_faults(rejected: Mapping[str, int]) -> bool:
    return any(rejected.get(reason) for reason in FAULTS)
