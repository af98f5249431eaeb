"""What every format agrees on: which names, labels and times are taken, and whose series a sample belongs to."""

from __future__ import annotations

import re
from collections.abc import Mapping

from metrics.ingest.calls import Call, Reason, Sender
from metrics.series.readings import Identity, Labels, sorted_labels

METRIC_LENGTH = 200
LABELS = 30
LABEL_NAME_LENGTH = 128
LABEL_VALUE_LENGTH = 1024
FUTURE_MS = 600_000

# Control characters would break logs and terminals, PostgreSQL stores no NUL, and a lone surrogate is no text.
UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class BadName(ValueError):
    """A sentence for the sender, with the place of what is wrong. Counted as Reason.BAD_NAME."""


class BadLabels(ValueError):
    """A sentence for the sender, with the place of what is wrong. Counted as Reason.BAD_LABELS."""


def fit_metric(text: str, *, place: str = "metric") -> str:
    """The name as it is, when it can be kept: 1 to 200 characters, none of them a control character.

    Raises BadName, which begins with the place.
    """
    if fault := _fault(text, METRIC_LENGTH, required=True):
        raise BadName(f"{place}: {fault}")
    return text


def fit_labels(labels: Mapping[str, str], *, place: str = "labels") -> Labels:
    """The labels sorted by name, without empty values: at most 30, names of 1 to 128 and values of up to 1024
    characters, none of them a control character.

    Raises BadLabels, which begins with the place, and the label's name in it.
    """
    kept = sorted_labels(labels)
    if len(kept) > LABELS:
        raise BadLabels(f"{place}: expected at most {LABELS} labels, got {len(kept)}")
    for name, value in kept:
        if fault := _fault(name, LABEL_NAME_LENGTH, required=True):
            raise BadLabels(f"the name of {place}.{clipped(name)}: {fault}")
        if fault := _fault(value, LABEL_VALUE_LENGTH):
            raise BadLabels(f"{place}.{clipped(name)}: {fault}")
    return kept


def in_time(ts: int, call: Call) -> str | None:
    """None when a sample of `ts` (epoch ms) is taken, or why it is not: Reason.TOO_OLD or Reason.TOO_NEW."""
    if ts < call.oldest:
        return Reason.TOO_OLD
    return Reason.TOO_NEW if ts > call.now + FUTURE_MS else None


def identity(call: Call, metric: str, labels: Labels) -> Identity:
    """The series of the call's sender; his default labels are added where `labels` (as of fit_labels) lack the name."""
    return Identity(call.sender.id, metric, with_defaults(call.sender, labels))


def with_defaults(sender: Sender, labels: Labels) -> Labels:
    """The labels, and those of the sender's defaults whose names they lack."""
    return tuple(sorted((dict(sender.labels) | dict(labels)).items())) if sender.labels else labels


def clipped(text: str, longest: int = 40) -> str:
    """What the sender wrote, as short as a sentence can hold it, and without what logs and databases cannot."""
    return UNFIT.sub("\N{REPLACEMENT CHARACTER}", text if len(text) <= longest else f"{text[:longest]}…")


def _fault(text: str, longest: int, *, required: bool = False) -> str:
    if required and not text.strip():
        return f"expected 1 to {longest} characters, got none"
    if len(text) > longest:
        return f"expected at most {longest} characters, got {len(text)}"
    if found := UNFIT.search(text):
        return f"expected text without control characters, got U+{ord(found[0]):04X}"
    return ""
