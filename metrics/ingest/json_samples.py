"""Plain JSON samples: an object, or a list of objects, of `metric`, `value` and, optionally, `ts` and `labels`.

A request is taken whole or not at all. The first thing that is wrong is named with its place: `samples[3].value`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from metrics.ingest.calls import MIB, Answer, Call, Endpoint, Outcome, Taken
from metrics.ingest.json_bodies import parse
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
)
from metrics.ingest.problems import Problem
from metrics.sentences import Fault, placed
from metrics.sentences import sentence as _
from metrics.series.readings import Labels, Reading

KEYS = frozenset({"metric", "value", "ts", "labels"})
# A form's type is what `curl -d` sends when nobody thinks of a header.
TYPES = frozenset({"", "application/json", "text/json", "application/x-www-form-urlencoded"})
EXPECTED = _("an object or a list of objects")
NO_ROOM = "new series are refused, since the source has as many as it may"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


class BadSample(Fault):
    """The sentence is for the sender, with the place of what is wrong."""


def take(call: Call) -> Taken:
    """All readings of the body, or Problem 400 or 415: one bad sample refuses the whole request."""
    _check_type(call.headers)
    try:
        return Taken(decode(call))
    except (BadSample, BadName, BadLabels) as error:
        raise Problem(400, error.sentence) from None


def answer(taken: Taken, outcome: Outcome) -> Answer:
    """400 when every sample was of a series that the source has no room for; a part of them is only counted."""
    if taken.readings and outcome.refused == len(taken.readings):
        body = json.dumps({"error": f"body: {NO_ROOM}"}).encode() + b"\n"
        return Answer(400, body, {"content-type": "application/json"})
    return Answer()


def decode(call: Call) -> list[Reading]:
    """The readings of a call's body. Raises Problem (400), BadSample, BadName and BadLabels."""
    document = parse(call.body, EXPECTED)
    if isinstance(document, dict):
        return [_reading(document, "", call)]
    if isinstance(document, list):
        return [_reading(item, f"samples[{index}]", call) for index, item in enumerate(document)]
    raise BadSample(placed("body", _("expected %(what)s, got %(got)s", what=EXPECTED, got=_shown(document))))


def _check_type(headers: Mapping[str, str]) -> None:
    kind, _semicolon, parameters = headers.get("content-type", "").partition(";")
    if kind.strip().lower() not in TYPES:
        fault = _("expected %(what)s, got %(got)s", what="application/json", got=kind.strip()[:80])
        raise Problem(415, placed("content-type", fault))
    charset = parameters.partition("charset=")[2].partition(";")[0].strip("\"' ").lower()
    if charset not in ("", "utf-8", "utf8"):
        fault = _("expected %(what)s, got %(got)s", what="charset utf-8", got=charset[:40])
        raise Problem(415, placed("content-type", fault))


def _reading(item: Any, place: str, call: Call) -> Reading:
    if not isinstance(item, dict):
        raise BadSample(placed(place, _("expected an object, got %(got)s", got=_shown(item))))
    dot = f"{place}." if place else ""
    if unknown := item.keys() - KEYS:
        fault = _("unknown field; expected metric, value, ts or labels")
        raise BadSample(placed(f"{dot}{clipped(min(unknown))}", fault))
    metric = _metric(item.get("metric"), f"{dot}metric")
    series = identity(call, metric, _labels(item.get("labels"), f"{dot}labels"))
    return Reading(series, _time(item.get("ts"), f"{dot}ts", call), _value(item, f"{dot}value"))


def _metric(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise BadSample(placed(place, _("expected text, got %(got)s", got=_shown(value))))
    return fit_metric(value, place=place)


def _value(item: dict[str, Any], place: str) -> float:
    value = item.get("value")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadSample(placed(place, not_finite(_shown(value))))
    try:
        number = float(value)
    except OverflowError:
        fault = _("expected a finite number, got one of %(n)d digits", n=len(str(abs(value))))
        raise BadSample(placed(place, fault)) from None
    if not math.isfinite(number):
        raise BadSample(placed(place, not_finite(_shown(value))))
    return number


def _labels(value: Any, place: str) -> Labels:
    if value is None:
        return ()
    if not isinstance(value, dict):
        raise BadSample(placed(place, _("expected an object of text by name, got %(got)s", got=_shown(value))))
    for name, text in value.items():
        if not isinstance(text, str):
            raise BadSample(placed(f"{place}.{clipped(name)}", _("expected text, got %(got)s", got=_shown(text))))
    return fit_labels(value, place=place)


def _time(value: Any, place: str, call: Call) -> int:
    if value is None:
        return call.now
    ts = _from_text(value, place) if isinstance(value, str) else _from_number(value, place)
    if not in_time(ts, call):
        return ts
    said = {"oldest": _second(call.oldest), "newest": _second(call.now + FUTURE_MS), "got": _shown(value)}
    fault = _("expected a time from %(oldest)s to %(newest)s, got %(got)s", **said)
    if not isinstance(value, str) and not in_time(ts // 1000, call):
        fault = _("%(fault)s; epoch time is given in seconds", fault=fault)
    raise BadSample(placed(place, fault))


def _from_number(value: Any, place: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
        raise BadSample(placed(place, _("expected epoch seconds or ISO 8601, got %(got)s", got=_shown(value))))
    return round(value * 1000)


def _from_text(value: str, place: str) -> int:
    """ISO 8601; a time without a zone is UTC."""
    try:
        at = datetime.fromisoformat(value)
        aware = at if at.tzinfo else at.replace(tzinfo=UTC)
        return round((aware - EPOCH) / MILLISECOND)
    except (ValueError, OverflowError):
        raise BadSample(
            placed(place, _("expected epoch seconds or ISO 8601, got %(got)s", got=_shown(value)))
        ) from None


def _is_finite(value: float) -> bool:
    """Whether it is a number whose thousandfold is one too."""
    return isinstance(value, int) or math.isfinite(value * 1000)


def _second(ms: int) -> str:
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _shown(value: Any) -> str:
    """A value as a sentence can hold it."""
    if isinstance(value, dict | list):
        return _("an object") if isinstance(value, dict) else _("a list")
    if value is None:
        return _("nothing")
    return clipped(json.dumps(value))


ENDPOINTS = (
    Endpoint("json", re.compile("/api/samples/?"), ("POST",), take, answer, largest=MIB, unpacked=MIB, is_pure=True),
)
