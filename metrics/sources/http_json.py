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
from jmespath.exceptions import JMESPathError

from metrics.ingest.calls import Call, Reason, Taken
from metrics.ingest.naming import BadLabels, BadName, clipped, fit_labels, fit_metric, identity
from metrics.sentences import Fault, placed, told
from metrics.sentences import sentence as _
from metrics.series.readings import Reading
from metrics.sources.guard import get
from metrics.sources.models import Pull
from metrics.sources.pulling import PullFailed, call_of

KEYS = {"metric", "path", "value", "labels", "unit"}
EXAMPLE = '[{"metric": "queue.depth", "path": "queue.depth"}]'
MOST_OBJECTS = 1_000


class Unusable(Fault):
    """What a path gives is no number. The sentence names the path and what was found."""


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
        raise ValidationError({"url": told(_("Give an address, such as https://host/status.json."))})
    try:
        read_values(pull.values)
    except PullFailed as fault:
        raise ValidationError({"values": told(fault.sentence)}) from None


def read_values(values: object) -> list[Wanted]:
    """`Pull.values` once checked. Raises PullFailed with the place of what is wrong."""
    if not isinstance(values, list) or not values:
        raise PullFailed(_("Give a list such as %(list)s.", list=EXAMPLE))
    return [_wanted(f"values[{place}]", value) for place, value in enumerate(values)]


def take(document: Any, wanted: list[Wanted], call: Call) -> Taken:
    """What the document comes to. A path that gives no number is rejected; the others are taken."""
    taken = Taken()
    for one in wanted:
        try:
            found = list(_found(document, one))
        except Unusable as fault:
            taken.reject(Reason.NOT_A_NUMBER, fault.sentence)
            continue
        for place, number, labels in found:
            _take_one(taken, call, one, place, number, labels)
    return taken


def _wanted(place: str, value: object) -> Wanted:
    if not isinstance(value, dict) or not KEYS.issuperset(value):
        raise PullFailed(placed(place, _("expected metric and path, and if wanted value, labels and unit.")))
    labels = value.get("labels", {})
    if not isinstance(labels, dict):
        raise PullFailed(placed(f"{place}.labels", _("expected an object of paths.")))
    texts = {f"labels.{name}": text for name, text in labels.items()} | {
        k: v for k, v in value.items() if k != "labels"
    }
    for name, text in texts.items():
        if not isinstance(text, str):
            raise PullFailed(placed(f"{place}.{name}", _("expected a text.")))
    for name in [name for name in texts if name not in ("metric", "unit")] + ["path"]:
        _compiled(texts.get(name, ""), f"{place}.{name}")
    try:
        fit_metric(texts.get("metric", ""), place=f"{place}.metric")
    except BadName as fault:
        raise PullFailed(_("%(fault)s.", fault=fault.sentence)) from None
    return Wanted(**value)


def _compiled(path: str, place: str) -> jmespath.parser.ParsedResult:
    try:
        return jmespath.compile(path)
    except (JMESPathError, RecursionError) as fault:
        words = [*str(fault).splitlines(), _("it is nested too deeply")][0]
        raise PullFailed(
            placed(place, _("%(path)s is no JMESPath expression: %(fault)s", path=clipped(path), fault=words))
        ) from None


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError) as fault:
        reason = str(fault) if isinstance(fault, ValueError) else _("it is nested too deeply")
        raise PullFailed(_("The answer is not JSON: %(fault)s.", fault=reason)) from None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _found(document: Any, wanted: Wanted) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Place, value and labels of each number that a path gives. Raises Unusable."""
    result = _search(wanted.path, document, wanted)
    if not isinstance(result, list):
        yield wanted.path, result, _labels(wanted, document)
        return
    if len(result) > MOST_OBJECTS:
        fault = _(
            "%(path)s gives %(n)d objects; at most %(most)d are taken",
            path=wanted.path,
            n=len(result),
            most=MOST_OBJECTS,
        )
        raise Unusable(placed(wanted.metric, fault))
    for place, item in enumerate(result):
        where = f"{wanted.path}[{place}]"
        if not wanted.value:
            fault = _("%(path)s gives a list; say with value where in each is the number", path=wanted.path)
            raise Unusable(placed(wanted.metric, fault))
        yield f"{where}.{wanted.value}", _search(wanted.value, item, wanted), _labels(wanted, item)


def _labels(wanted: Wanted, item: Any) -> dict[str, Any]:
    return {name: _search(path, item, wanted) for name, path in wanted.labels.items()}


def _search(path: str, document: Any, wanted: Wanted) -> Any:
    try:
        return jmespath.search(path, document)
    except (JMESPathError, TypeError, ValueError, ArithmeticError, RecursionError) as fault:
        words = [*str(fault).splitlines(), _("no result")][0]
        raise Unusable(placed(wanted.metric, placed(path, words))) from None


def _take_one(taken: Taken, call: Call, wanted: Wanted, place: str, number: Any, labels: Mapping[str, Any]) -> None:
    where = f"{wanted.metric}: {place}"
    value = _number(number)
    if value is None:
        found = _("found nothing") if number is None else _("gives %(kind)s; expected a number", kind=_kind(number))
        taken.reject(Reason.NOT_A_NUMBER, placed(where, found))
    elif not math.isfinite(value):
        fault = _("gives %(got)s; expected a finite number", got=clipped(str(number)))
        taken.reject(Reason.NOT_FINITE, placed(where, fault))
    else:
        try:
            kept = fit_labels({name: _text(text) for name, text in labels.items()}, place=f"{where}: labels")
        except BadLabels as fault:
            taken.reject(Reason.BAD_LABELS, fault.sentence)
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
        return _('the text "%(text)s"', text=clipped(found))
    if isinstance(found, list):
        return _("a list of %(n)d", n=len(found))
    if isinstance(found, dict):
        names = ", ".join(list(map(clipped, found))[:5])
        return _("an object with %(names)s", names=names) if names else _("an empty object")
    return "null" if found is None else json.dumps(found)
