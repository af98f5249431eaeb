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
from metrics.ingest.naming import FUTURE_MS, BadLabels, BadName, clipped, fit_labels, fit_metric, identity, in_time
from metrics.ingest.problems import Problem
from metrics.series.readings import Labels, Reading

KEYS = frozenset({"metric", "value", "ts", "labels"})
# A form's type is what `curl -d` sends when nobody thinks of a header.
TYPES = frozenset({"", "application/json", "text/json", "application/x-www-form-urlencoded"})
EXPECTED = "an object or a list of objects"
NO_ROOM = "new series are refused, since the source has as many as it may"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


class BadSample(ValueError):
    """A sentence for the sender, with the place of what is wrong."""


def take(call: Call) -> Taken:
    """All readings of the body, or Problem 400 or 415: one bad sample refuses the whole request."""
    _check_type(call.headers)
    try:
        return Taken(decode(call))
    except (BadSample, BadName, BadLabels) as error:
        raise Problem(400, str(error)) from None


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
    raise BadSample(f"body: expected {EXPECTED}, got {_shown(document)}")


def _check_type(headers: Mapping[str, str]) -> None:
    kind, _, parameters = headers.get("content-type", "").partition(";")
    if kind.strip().lower() not in TYPES:
        raise Problem(415, f"content-type: expected application/json, got {kind.strip()[:80]}")
    charset = parameters.partition("charset=")[2].partition(";")[0].strip("\"' ").lower()
    if charset not in ("", "utf-8", "utf8"):
        raise Problem(415, f"content-type: expected charset utf-8, got {charset[:40]}")


def _reading(item: Any, place: str, call: Call) -> Reading:
    if not isinstance(item, dict):
        raise BadSample(f"{place}: expected an object, got {_shown(item)}")
    dot = f"{place}." if place else ""
    if unknown := item.keys() - KEYS:
        raise BadSample(f"{dot}{clipped(min(unknown))}: unknown field; expected metric, value, ts or labels")
    metric = _metric(item.get("metric"), f"{dot}metric")
    series = identity(call, metric, _labels(item.get("labels"), f"{dot}labels"))
    return Reading(series, _time(item.get("ts"), f"{dot}ts", call), _value(item, f"{dot}value"))


def _metric(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise BadSample(f"{place}: expected text, got {_shown(value)}")
    return fit_metric(value, place=place)


def _value(item: dict[str, Any], place: str) -> float:
    value = item.get("value")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadSample(f"{place}: expected a finite number, got {_shown(value)}")
    try:
        number = float(value)
    except OverflowError:
        raise BadSample(f"{place}: expected a finite number, got one of {len(str(abs(value)))} digits") from None
    if not math.isfinite(number):
        raise BadSample(f"{place}: expected a finite number, got {_shown(value)}")
    return number


def _labels(value: Any, place: str) -> Labels:
    if value is None:
        return ()
    if not isinstance(value, dict):
        raise BadSample(f"{place}: expected an object of text by name, got {_shown(value)}")
    for name, text in value.items():
        if not isinstance(text, str):
            raise BadSample(f"{place}.{clipped(name)}: expected text, got {_shown(text)}")
    return fit_labels(value, place=place)


def _time(value: Any, place: str, call: Call) -> int:
    if value is None:
        return call.now
    ts = _from_text(value, place) if isinstance(value, str) else _from_number(value, place)
    if not in_time(ts, call):
        return ts
    oldest, newest = _second(call.oldest), _second(call.now + FUTURE_MS)
    hint = "; epoch time is given in seconds" if not isinstance(value, str) and not in_time(ts // 1000, call) else ""
    raise BadSample(f"{place}: expected a time from {oldest} to {newest}, got {_shown(value)}{hint}")


def _from_number(value: Any, place: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
        raise BadSample(f"{place}: expected epoch seconds or ISO 8601, got {_shown(value)}")
    return round(value * 1000)


def _from_text(value: str, place: str) -> int:
    """ISO 8601; a time without a zone is UTC."""
    try:
        at = datetime.fromisoformat(value)
        aware = at if at.tzinfo else at.replace(tzinfo=UTC)
        return round((aware - EPOCH) / MILLISECOND)
    except (ValueError, OverflowError):
        raise BadSample(f"{place}: expected epoch seconds or ISO 8601, got {_shown(value)}") from None


def _is_finite(value: float) -> bool:
    """Whether it is a number whose thousandfold is one too."""
    return isinstance(value, int) or math.isfinite(value * 1000)


def _second(ms: int) -> str:
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _shown(value: Any) -> str:
    """A value as a sentence can hold it."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    if value is None:
        return "nothing"
    return clipped(json.dumps(value))


ENDPOINTS = (
    Endpoint("json", re.compile("/api/samples/?"), ("POST",), take, answer, largest=MIB, unpacked=MIB, is_pure=True),
)
