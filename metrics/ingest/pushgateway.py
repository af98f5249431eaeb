"""The protocol of Prometheus' Pushgateway: a job pushes a group of series and goes away.

    PUT    /metrics/job/<job>{/<label>/<value>}    these series, and no others, are the group's
    POST                                           the same for the metrics that are in the body
    DELETE                                         the group ends

`<label>@base64` says that the value is URL-safe base64. What was pushed is never repeated with a newer time: it grows
old, and shows it. `push_time_seconds` and `push_failure_time_seconds` tell of the group itself.
"""

from __future__ import annotations

import math
import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote, unquote_to_bytes

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from metrics.exposition_protobuf import exposed_families
from metrics.exposition_text import BadText, Exposed, exposed, is_openmetrics
from metrics.ingest.calls import MIB, Answer, Call, Endpoint, Outcome, Reason, Taken, refused_in_text
from metrics.ingest.naming import BadLabels, BadName, clipped, fit_labels, fit_metric, identity, not_finite
from metrics.ingest.problems import Problem
from metrics.sentences import placed
from metrics.sentences import sentence as _
from metrics.series.models import Sample, Series
from metrics.series.readings import Identity, Reading, series_key, sorted_labels

PATHS = re.compile(r"/metrics/job(?:(?:@|%40)base64)?/.*")
LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")
BASE64 = "@base64"
PROTOBUF, FAMILY = "application/vnd.google.protobuf", "proto=io.prometheus.client.MetricFamily"
DELIMITED = "encoding=delimited"
PUSHED = "push_time_seconds", "Last Unix time when changing this group succeeded."
FAILED = "push_failure_time_seconds", "Last Unix time when changing this group failed."
OWN = (PUSHED[0], FAILED[0])
LARGEST = MIB
"""Far more than jobs push; the parser takes up to half a second for it."""

Group = dict[str, str]
"""The labels in the path."""


@dataclass(slots=True)
class Pushed(Taken):
    status: int = 200


def take(call: Call) -> Pushed:
    """Raises Problem (400, 415)."""
    group = group_of(call.path)
    if call.method == "DELETE":
        return Pushed(ended=[(series, call.now) for series in _members(call, group)], status=202)
    try:
        return _pushed(call, group)
    except (BadText, BadName, BadLabels) as fault:
        return _failed(call, group, fault.sentence)


def answer(taken: Taken, outcome: Outcome) -> Answer:
    status = taken.status if isinstance(taken, Pushed) else 200
    if status < 400:
        return Answer(status)
    return Answer(status, f"{taken.error}\n".encode(), {"content-type": "text/plain; charset=utf-8"})


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        "pushgateway",
        PATHS,
        ("PUT", "POST", "DELETE"),
        take,
        answer,
        refuse=refused_in_text,
        largest=LARGEST,
        unpacked=LARGEST,
    ),
)


def group_of(path: str) -> Group:
    """The labels in a path as it was sent: a slash inside a value is %2F, or in base64. Raises Problem (400)."""
    words = path.removeprefix("/metrics/").removesuffix("/").split("/")
    if len(words) % 2:
        fault = _("expected /metrics/job/<job> and pairs of label and value, one is without its value")
        raise Problem(400, placed("path", fault))
    group: Group = {}
    for name, text in zip(words[::2], words[1::2], strict=True):
        label, encoded = _label(unquote(name))
        if label in group:
            raise Problem(400, placed("path", _("expected each label once, got %(label)s twice", label=label)))
        group[label] = _value(label, text, encoded)
    if not group["job"]:
        raise Problem(400, placed("path", _("expected the name of a job")))
    return _fit(group)


def _label(text: str) -> tuple[str, bool]:
    name = text.removesuffix(BASE64)
    if not LABEL.fullmatch(name):
        fault = _("expected a label of letters, digits and underscores, got %(got)s", got=ascii(clipped(name)))
        raise Problem(400, placed("path", fault))
    return name, name != text


def _value(label: str, text: str, encoded: bool) -> str:
    raw = unquote_to_bytes(text)
    try:
        return (_unpadded(raw) if encoded else raw).decode()
    except ValueError:
        said = {"what": "URL-safe base64 of UTF-8" if encoded else "UTF-8", "label": label, "got": ascii(clipped(text))}
        fault = _("expected %(what)s as the value of %(label)s, got %(got)s", **said)
        raise Problem(400, placed("path", fault)) from None


def _unpadded(raw: bytes) -> bytes:
    """Padding may be missing, and alone it stands for the empty value."""
    bare = raw.rstrip(b"=")
    return b64decode(bare + b"=" * (-len(bare) % 4), altchars=b"-_", validate=True)


def _fit(group: Group) -> Group:
    try:
        fit_labels(group, place="path")
    except BadLabels as fault:
        raise Problem(400, fault.sentence) from None
    return group


def _pushed(call: Call, group: Group) -> Pushed:
    """What the body holds, all of it. Raises BadText, BadName and BadLabels."""
    taken = Pushed(readings=[_own(call, group, PUSHED, call.now / 1000)])
    seen = {_identity(call, name, group) for name in OWN}
    for one in _exposed(call):
        series = _checked(call, one, group)
        if series in seen:
            fault = _("expected each series once, got %(name)s twice with the same labels", name=one.name)
            raise BadText(placed(one.place, fault))
        seen.add(series)
        if math.isfinite(one.value):
            taken.readings.append(Reading(series, call.now, one.value, one.unit, one.kind, one.help))
        else:
            taken.reject(Reason.NOT_FINITE, placed(one.place, not_finite(one.value)))
    _end(taken, call, group, {series.metric for series in seen})
    return taken


def _exposed(call: Call) -> Iterator[Exposed]:
    """The samples of the body. Raises BadText and Problem (415)."""
    media, _semicolon, parameters = call.headers.get("content-type", "").lower().partition(";")
    if "protobuf" not in media:
        # Whatever a sender calls it; curl says that it is a form.
        return exposed(call.body, openmetrics=is_openmetrics(media), strict=True)
    if media.strip() != PROTOBUF or DELIMITED not in re.split(r"[;\s]+", parameters.replace('"', "")):
        fault = _("expected the text format, or %(type)s", type=f"{PROTOBUF}; {FAMILY}; {DELIMITED}")
        raise Problem(415, placed("content-type", fault))
    return exposed_families(call.body)


def _checked(call: Call, one: Exposed, group: Group) -> Identity:
    if one.ts is not None:
        raise BadText(placed(one.place, _("expected no time, since that of the push counts")))
    return _identity(call, fit_metric(one.name, place=one.place), one.labels | group, one.place)


def _identity(call: Call, name: str, labels: Group, place: str = "labels") -> Identity:
    return identity(call, name, fit_labels(labels, place=place))


def _own(call: Call, group: Group, what: tuple[str, str], value: float) -> Reading:
    name, text = what
    return Reading(_identity(call, name, group), call.now, value, "s", Series.Kind.GAUGE, text)


def _failed(call: Call, group: Group, fault: str) -> Pushed:
    taken = Pushed(readings=[_own(call, group, FAILED, call.now / 1000)], status=400)
    taken.reject(Reason.MALFORMED, fault)
    return taken


def _end(taken: Pushed, call: Call, group: Group, names: set[str]) -> None:
    """End what a push of these names replaces, and make the group tell that it never failed, unless it did.

    A series whose number is now NaN ends as well: its last one is not what the job says any more.
    """
    members = set(_members(call, group))
    for series in members - {reading.identity for reading in taken.readings}:
        if series.metric not in OWN and (call.method == "PUT" or series.metric in names):
            taken.ended.append((series, call.now))
    if _identity(call, FAILED[0], group) not in members:
        taken.readings.append(_own(call, group, FAILED, 0.0))


def _members(call: Call, group: Group) -> list[Identity]:
    """The group's series that have not ended."""
    wanted = sorted_labels(group)
    return [
        Identity(call.sender.id, name, sorted_labels(labels))
        for name, labels in _pushed_with(call, group).values_list("name", "labels")
        if all(labels.get(label) == value for label, value in wanted)
    ]


def _pushed_with(call: Call, group: Group) -> QuerySet[Series]:
    """Series of the job whose newest sample came with a push of this group.

    Labels alone do not tell: a job may push, to a group without them, series that have the labels of another group,
    and its source may send the same job's series by other ways.
    """
    keys = [series_key(own.metric, own.labels) for own in (_identity(call, name, group) for name in OWN)]
    pushes = Sample.objects.filter(series__source=call.sender.id, series__key=keys[0])
    ours = Series.objects.filter(source=call.sender.id, labels__job=group["job"], last_ts__isnull=False)
    live = ours.filter(Q(stale_at=None) | Q(stale_at__lt=F("last_ts")))
    # The times of pushes are forgotten with the raw samples.
    forgotten = Q(last_ts__lt=call.oldest) & Exists(Series.objects.filter(source=call.sender.id, key=keys[0]))
    return live.filter(Exists(pushes.filter(ts=OuterRef("last_ts"))) | Q(key__in=keys) | forgotten)
