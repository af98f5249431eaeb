"""Plain JSON samples: an object, or a list of objects, of `metric`, `value` and, optionally, `ts` and `labels`.

A request is taken whole or not at all. The first thing that is wrong is named with its place: `samples[3].value`.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from metrics.series.readings import Identity, Labels, Reading, sorted_labels

METRIC_LENGTH = 200
LABELS = 30
LABEL_NAME_LENGTH = 128
LABEL_VALUE_LENGTH = 1024
FUTURE_MS = 600_000

KEYS = frozenset({"metric", "value", "ts", "labels"})
# Control characters would break logs and terminals, PostgreSQL stores no NUL, and a lone surrogate is no text.
UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


class BadSample(ValueError):
    """A sentence for the sender, with the place of what is wrong."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Whose samples are decoded, and which times are taken: those from `oldest` to 10 min after `now`, in epoch ms."""

    source: int
    now: int
    oldest: int


def decode(body: bytes, acceptance: Acceptance) -> list[Reading]:
    """The readings of a request's body. Raises BadSample."""
    document = _parse(body)
    if isinstance(document, dict):
        return [_reading(document, "", acceptance)]
    if isinstance(document, list):
        return [_reading(item, f"samples[{index}]", acceptance) for index, item in enumerate(document)]
    raise BadSample(f"body: expected an object or a list of objects, got {_shown(document)}")


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BadSample(f"body: expected UTF-8, byte {error.start} is not") from None
    except json.JSONDecodeError as error:
        raise BadSample(f"body: expected JSON, {error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise BadSample("body: expected an object or a list of objects, got a deeper nesting") from None
    except ValueError:
        raise BadSample("body: expected finite numbers, got one of thousands of digits") from None


def _reading(item: Any, place: str, acceptance: Acceptance) -> Reading:
    if not isinstance(item, dict):
        raise BadSample(f"{place}: expected an object, got {_shown(item)}")
    dot = f"{place}." if place else ""
    if unknown := item.keys() - KEYS:
        raise BadSample(f"{dot}{_clipped(min(unknown))}: unknown field; expected metric, value, ts or labels")
    metric = _text(item.get("metric"), f"{dot}metric", METRIC_LENGTH)
    identity = Identity(acceptance.source, metric, _labels(item.get("labels"), f"{dot}labels"))
    return Reading(identity, _time(item.get("ts"), f"{dot}ts", acceptance), _value(item, f"{dot}value"))


def _text(value: Any, place: str, longest: int) -> str:
    if not isinstance(value, str):
        raise BadSample(f"{place}: expected text, got {_shown(value)}")
    if not value.strip():
        raise BadSample(f"{place}: expected 1 to {longest} characters, got none")
    return _fit(value, place, longest)


def _fit(value: str, place: str, longest: int) -> str:
    if len(value) > longest:
        raise BadSample(f"{place}: expected at most {longest} characters, got {len(value)}")
    if found := UNFIT.search(value):
        raise BadSample(f"{place}: expected text without control characters, got U+{ord(found[0]):04X}")
    return value


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
    if len(value) > LABELS:
        raise BadSample(f"{place}: expected at most {LABELS} labels, got {len(value)}")
    for name, text in value.items():
        at = f"{place}.{_clipped(name)}"
        _text(name, f"the name of {at}", LABEL_NAME_LENGTH)
        if not isinstance(text, str):
            raise BadSample(f"{at}: expected text, got {_shown(text)}")
        _fit(text, at, LABEL_VALUE_LENGTH)
    return sorted_labels(value)


def _time(value: Any, place: str, acceptance: Acceptance) -> int:
    if value is None:
        return acceptance.now
    ts = _from_text(value, place) if isinstance(value, str) else _from_number(value, place)
    if acceptance.oldest <= ts <= acceptance.now + FUTURE_MS:
        return ts
    oldest, newest = _second(acceptance.oldest), _second(acceptance.now + FUTURE_MS)
    hint = "; epoch time is given in seconds" if not isinstance(value, str) and _is_milliseconds(ts, acceptance) else ""
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


def _is_milliseconds(ts: int, acceptance: Acceptance) -> bool:
    return acceptance.oldest <= ts // 1000 <= acceptance.now + FUTURE_MS


def _second(ms: int) -> str:
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _shown(value: Any) -> str:
    """A value as a sentence can hold it."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    if value is None:
        return "nothing"
    return _clipped(json.dumps(value))


def _clipped(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"
