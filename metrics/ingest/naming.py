"""What every format agrees on: which names, labels and times are taken, and whose series a sample belongs to."""

from __future__ import annotations

import re
from collections.abc import Mapping

from metrics.ingest.calls import Call, Reason, Sender
from metrics.sentences import Fault, Sentence, placed, sentence
from metrics.sentences import sentence as _
from metrics.series.readings import Identity, Labels, sorted_labels

METRIC_LENGTH = 200
LABELS = 30
LABEL_NAME_LENGTH = 128
LABEL_VALUE_LENGTH = 1024
FUTURE_MS = 600_000

# Control characters would break logs and terminals, PostgreSQL stores no NUL, and a lone surrogate is no text.
UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class BadName(Fault):
    """The sentence is for the sender, with the place of what is wrong. Counted as Reason.BAD_NAME."""


class BadLabels(Fault):
    """The sentence is for the sender, with the place of what is wrong. Counted as Reason.BAD_LABELS."""


def fit_metric(text: str, *, place: str = "metric") -> str:
    """The name as it is, when it can be kept: 1 to 200 characters, none of them a control character.

    Raises BadName, which begins with the place.
    """
    if fault := _fault(text, METRIC_LENGTH, required=True):
        raise BadName(placed(place, fault))
    return text


def fit_labels(labels: Mapping[str, str], *, place: str = "labels") -> Labels:
    """The labels sorted by name, without empty values: at most 30, names of 1 to 128 and values of up to 1024
    characters, none of them a control character.

    Raises BadLabels, which begins with the place, and the label's name in it.
    """
    kept = sorted_labels(labels)
    if len(kept) > LABELS:
        raise BadLabels(placed(place, _("expected at most %(most)d labels, got %(n)d", most=LABELS, n=len(kept))))
    for name, value in kept:
        if fault := _fault(name, LABEL_NAME_LENGTH, required=True):
            raise BadLabels(placed(_("the name of %(what)s", what=_label(place, name)), fault))
        if fault := _fault(value, LABEL_VALUE_LENGTH):
            raise BadLabels(placed(_label(place, name), fault))
    return kept


def in_time(ts: int, call: Call) -> str | None:
    """None when a sample of `ts` (epoch ms) is taken, or why it is not: Reason.TOO_OLD or Reason.TOO_NEW."""
    if ts < call.oldest:
        return Reason.TOO_OLD
    return Reason.TOO_NEW if ts > call.now + FUTURE_MS else None


def untimely(ts: int, reason: str) -> Sentence:
    """The sentence for a time of which `in_time` gave the reason."""
    if reason == Reason.TOO_OLD:
        return _("a sample of %(ts)d ms is too old", ts=ts)
    return _("a sample of %(ts)d ms is too new", ts=ts)


def not_finite(value: object) -> Sentence:
    return _("expected a finite number, got %(got)s", got=str(value))


def identity(call: Call, metric: str, labels: Labels) -> Identity:
    """The series of the call's sender; his default labels are added where `labels` (as of fit_labels) lack the name."""
    return Identity(call.sender.id, metric, with_defaults(call.sender, labels))


def with_defaults(sender: Sender, labels: Labels) -> Labels:
    """The labels, and those of the sender's defaults whose names they lack."""
    return tuple(sorted((dict(sender.labels) | dict(labels)).items())) if sender.labels else labels


def clipped(text: str, longest: int = 40) -> str:
    """What the sender wrote, as short as a sentence can hold it, and without what logs and databases cannot."""
    return UNFIT.sub("\N{REPLACEMENT CHARACTER}", text if len(text) <= longest else f"{text[:longest]}…")


def _label(place: str, name: str) -> Sentence:
    return sentence("%(place)s.%(name)s", place=place, name=clipped(name))


def _fault(text: str, longest: int, *, required: bool = False) -> str:
    if required and not text.strip():
        return _("expected 1 to %(most)d characters, got none", most=longest)
    if len(text) > longest:
        return _("expected at most %(most)d characters, got %(n)d", most=longest, n=len(text))
    if found := UNFIT.search(text):
        return _("expected text without control characters, got %(got)s", got=f"U+{ord(found[0]):04X}")
    return ""
