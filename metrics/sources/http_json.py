"""HTTP with JSON: a document is fetched, and expressions (JMESPath, jmespath.org) pick the numbers out of it.

Of a Pull these count: `url`, `user`, `secret` (without a user it is a bearer token), and `values`, a list of objects:

    {"metric": "queue.depth", "path": "queues[]", "value": "depth", "labels": {"queue": "name"}, "unit": "1"}

`path` gives one number (or a numeric text), or a list of objects; then `value` says where in each object the number
is. `labels` are paths as well, from each object of a list, else from the document; 'a text in quotes' stands for
itself. `value`, `labels` and `unit` may be left out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import jmespath
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from jmespath.exceptions import JMESPathError

from metrics.ingest.calls import Call, Reason, Taken
from metrics.ingest.naming import BadLabels, BadName, clipped, fit_labels, fit_metric, identity
from metrics.series.readings import Reading
from metrics.sources.guard import get
from metrics.sources.models import Pull
from metrics.sources.pulling import PullFailed, call_of

KEYS = {"metric", "path", "value", "labels", "unit"}
EXAMPLE = '[{"metric": "queue.depth", "path": "queue.depth"}]'
MOST_OBJECTS = 1_000


class Unusable(Exception):
    """What a path gives is no number. A sentence that names the path and what was found."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One entry of `Pull.values`."""

    metric: str
    path: str
    value: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    unit: str = ""


def pull(pull: Pull, now: int) -> Taken:
    wanted = read_values(pull.values)
    page = get(pull.url, timeout_s=pull.timeout_s, accept="application/json", user=pull.user, secret=pull.secret)
    taken = take(_parsed(page.body), wanted, call_of(pull, now))
    if not taken.readings and taken.error:
        raise PullFailed(taken.error)
    return taken


def check(pull: Pull) -> None:
    """Raises ValidationError unless the settings can be pulled."""
    if not pull.url:
        raise ValidationError({"url": _("Give an address, such as https://host/status.json.")})
    try:
        read_values(pull.values)
    except PullFailed as fault:
        raise ValidationError({"values": str(fault)}) from None


def read_values(values: object) -> list[Wanted]:
    """`Pull.values` once checked. Raises PullFailed with the place of what is wrong."""
    if not isinstance(values, list) or not values:
        raise PullFailed(_("Give a list such as %(list)s.") % {"list": EXAMPLE})
    return [_wanted(f"values[{place}]", value) for place, value in enumerate(values)]


def take(document: Any, wanted: list[Wanted], call: Call) -> Taken:
    """What the document comes to. A path that gives no number is rejected; the others are taken."""
    taken = Taken()
    for one in wanted:
        try:
            found = list(_found(document, one))
        except Unusable as fault:
            taken.reject(Reason.NOT_A_NUMBER, str(fault))
            continue
        for place, number, labels in found:
            _take_one(taken, call, one, place, number, labels)
    return taken


def _wanted(place: str, value: object) -> Wanted:
    if not isinstance(value, dict) or not KEYS.issuperset(value):
        raise PullFailed(
            _("%(place)s: expected metric and path, and if wanted value, labels and unit.") % {"place": place}
        )
    labels = value.get("labels", {})
    if not isinstance(labels, dict):
        raise PullFailed(_("%(place)s: expected an object of paths.") % {"place": f"{place}.labels"})
    texts = {f"labels.{name}": text for name, text in labels.items()} | {
        k: v for k, v in value.items() if k != "labels"
    }
    for name, text in texts.items():
        if not isinstance(text, str):
            raise PullFailed(_("%(place)s: expected a text.") % {"place": f"{place}.{name}"})
    for name in [name for name in texts if name not in ("metric", "unit")] + ["path"]:
        _compiled(texts.get(name, ""), f"{place}.{name}")
    try:
        fit_metric(texts.get("metric", ""), place=f"{place}.metric")
    except BadName as fault:
        raise PullFailed(f"{fault}.") from None
    return Wanted(**value)


def _compiled(path: str, place: str) -> jmespath.parser.ParsedResult:
    try:
        return jmespath.compile(path)
    except (JMESPathError, RecursionError) as fault:
        words = str(fault).splitlines() or ["it is nested too deeply"]
        sentence = _("%(place)s: %(path)s is no JMESPath expression: %(fault)s")
        raise PullFailed(sentence % {"place": place, "path": clipped(path), "fault": words[0]}) from None


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError) as fault:
        reason = str(fault) if isinstance(fault, ValueError) else "it is nested too deeply"
        raise PullFailed(_("The answer is not JSON: %(fault)s.") % {"fault": reason}) from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _found(document: Any, wanted: Wanted) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Place, value and labels of each number that a path gives. Raises Unusable."""
    result = _search(wanted.path, document, wanted)
    if not isinstance(result, list):
        yield wanted.path, result, _labels(wanted, document)
        return
    if len(result) > MOST_OBJECTS:
        raise Unusable(f"{wanted.metric}: {wanted.path} gives {len(result)} objects; at most {MOST_OBJECTS} are taken")
    for place, item in enumerate(result):
        where = f"{wanted.path}[{place}]"
        if not wanted.value:
            raise Unusable(f"{wanted.metric}: {wanted.path} gives a list; say with value where in each is the number")
        yield f"{where}.{wanted.value}", _search(wanted.value, item, wanted), _labels(wanted, item)


def _labels(wanted: Wanted, item: Any) -> dict[str, Any]:
    return {name: _search(path, item, wanted) for name, path in wanted.labels.items()}


def _search(path: str, document: Any, wanted: Wanted) -> Any:
    try:
        return jmespath.search(path, document)
    except (JMESPathError, TypeError, ValueError, ArithmeticError, RecursionError) as fault:
        words = str(fault).splitlines() or ["no result"]
        raise Unusable(f"{wanted.metric}: {path}: {words[0]}") from None


def _take_one(taken: Taken, call: Call, wanted: Wanted, place: str, number: Any, labels: Mapping[str, Any]) -> None:
    where = f"{wanted.metric}: {place}"
    value = _number(number)
    if value is None:
        found = "found nothing" if number is None else f"gives {_kind(number)}; expected a number"
        taken.reject(Reason.NOT_A_NUMBER, f"{where}: {found}")
    elif not math.isfinite(value):
        taken.reject(Reason.NOT_FINITE, f"{where}: gives {clipped(str(number))}; expected a finite number")
    else:
        try:
            kept = fit_labels({name: _text(text) for name, text in labels.items()}, place=f"{where}: labels")
        except BadLabels as fault:
            taken.reject(Reason.BAD_LABELS, str(fault))
            return
        whose = identity(call, wanted.metric, kept)
        taken.readings.append(Reading(whose, call.now, value, wanted.unit[:32], "gauge"))


def _number(found: Any) -> float | None:
    """Numbers, numeric texts, and true and false as 1 and 0."""
    if not isinstance(found, int | float | str) or (isinstance(found, str) and "_" in found):
        return None
    try:
        return float(found)
    except ValueError:
        return None
    except OverflowError:
        return math.inf


def _text(found: Any) -> str:
    """A label's value; nothing is no label, and whatever else is not a text is written as JSON has it."""
    if found is None:
        return ""
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)


def _kind(found: Any) -> str:
    if isinstance(found, str):
        return f'the text "{clipped(found)}"'
    if isinstance(found, list):
        return f"a list of {len(found)}"
    if isinstance(found, dict):
        names = ", ".join(list(map(clipped, found))[:5])
        return f"an object with {names}" if names else "an empty object"
    return "null" if found is None else json.dumps(found)
