"""PromQL servers: Prometheus, VictoriaMetrics, Mimir, Thanos. Each KPI of the source holds an expression, and the
server evaluates it: the value now with every pull, and the line when there is none yet or pulls fell out.

Of a Pull these count: `url` (the address before /api/v1), `user`, `secret` (without a user it is a bearer token), and
`query`: what is asked while no KPI uses the source.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import ValidationError

from metrics.ingest.calls import Reason, Taken
from metrics.kpis.matching import matches
from metrics.kpis.models import KPI, RemoteWindow
from metrics.kpis.remote import (
    MOST_SERIES,
    POINTS,
    Labels,
    Tracks,
    asked_of,
    replace_windows,
    window_after,
    window_of,
)
from metrics.sentences import Fault, placed, told
from metrics.sentences import sentence as _
from metrics.series.readings import Identity, Reading, sorted_labels
from metrics.series.storing import Stored
from metrics.sources.guard import BadStatus, fetch
from metrics.sources.models import Pull
from metrics.sources.pulling import PullFailed

ANYTHING = "vector(1)"
"""Asked where there is nothing to ask, to learn whether the server is there."""
REFUSED = (400, 422)
"""Statuses of an expression that cannot be read or evaluated; the server itself is well."""
GAP = 1.5
"""Intervals without an answer after which the line is asked for again."""
NUMBERS = ("vector", "scalar")
NO_PROMQL = _("This is not the answer of a PromQL server; give its address as it is before /api/v1.")
KINDS = {
    "matrix": _("the expression gives a range of values; expected one value per series, such as rate(…)"),
    "string": _("the expression gives a text; expected a number"),
}


@dataclass(slots=True)
class Asked(Taken):
    """`readings` are the values now, to be shown; what is stored are the windows."""

    windows: list[RemoteWindow] = field(default_factory=list)


class BadAnswer(Fault):
    """One expression has no answer that can be used; the others may have. The sentence is without the expression."""


def pull(pull: Pull, now: int) -> Asked:
    server, asked = Server(pull, now), Asked()
    kpis = asked_of(pull.source_id)
    for kpi in kpis:
        try:
            _ask_for(kpi, server, asked)
        except BadAnswer as error:
            asked.reject(Reason.MALFORMED, placed(f"KPI {kpi.name}", error.sentence))
        except PullFailed:
            if not asked.windows:
                raise
            # The time is up: what is left comes first the next time.
            asked.reject(Reason.MALFORMED, placed(f"KPI {kpi.name}", _("no time was left to ask for it")))
            break
    if not kpis:
        _try(pull, server, asked)
    elif not asked.windows:
        raise PullFailed(asked.error)
    return asked


def check(pull: Pull) -> None:
    """Raises ValidationError unless the settings can be pulled."""
    if not pull.url.strip():
        raise ValidationError({"url": told(_("Give the server's address, such as http://host:9090."))})


def keep(pull: Pull, taken: Taken) -> Stored:
    """Replace the windows; no sample is stored."""
    if isinstance(taken, Asked):
        replace_windows(taken.windows)
    return Stored()


def _ask_for(kpi: KPI, server: Server, asked: Asked) -> None:
    server.warnings.clear()
    answers = [server.values(kpi.metric)]
    known = window_of(kpi, server.interval_ms)
    if known is None or server.now - known.asked_at > GAP * server.interval_ms:
        answers.insert(0, server.line(kpi.metric))
    found = [_of_kpi(kpi, answer) for answer in answers]
    asked.windows.append(window_after(kpi, found, at=server.now, interval_ms=server.interval_ms))
    asked.readings += server.readings(kpi.metric, found[-1])
    for warning in server.warnings:
        asked.error = asked.error or placed(f"KPI {kpi.name}", warning)


def _of_kpi(kpi: KPI, tracks: Tracks) -> Tracks:
    """Those that the KPI's labels ask for. Raises BadAnswer when they are too many to be shown."""
    found = {labels: points for labels, points in tracks.items() if matches(kpi.labels, dict(labels))}
    if len(found) > MOST_SERIES:
        fault = _(
            "the expression gives %(n)d series, at most %(most)d can be shown; use sum(…)",
            n=len(found),
            most=MOST_SERIES,
        )
        raise BadAnswer(fault)
    return found


def _try(pull: Pull, server: Server, asked: Asked) -> None:
    expression = pull.query or ANYTHING
    try:
        asked.readings += server.readings(expression, server.values(expression))
    except BadAnswer as error:
        raise PullFailed(placed("query", error.sentence)) from None


class Server:
    """The server of a pull, asked about the time `now` (epoch ms) until the pull's time limit is over.

    `warnings` are what the server said beside its answers.
    """

    def __init__(self, pull: Pull, now: int) -> None:
        self.now = now
        self.interval_ms = pull.interval_s * 1000
        self.warnings: list[str] = []
        self._pull = pull
        self._ends = monotonic() + pull.timeout_s

    def values(self, expression: str) -> Tracks:
        """One value per series, at `now`. Raises BadAnswer and PullFailed."""
        data = self._ask("query", query=expression, time=_seconds(self.now))
        if data["resultType"] not in NUMBERS:
            raise BadAnswer(KINDS.get(data["resultType"], _("the expression gives no number")))
        # VictoriaMetrics answers about a time half a minute ago, and says so; it is what it knows now.
        return {labels: {self.now: value} for labels, points in _tracks(data).items() for value in points.values()}

    def line(self, expression: str) -> Tracks:
        """The last 64 values per series, an interval apart, up to `now`. Raises BadAnswer and PullFailed."""
        start = self.now - (POINTS - 1) * self.interval_ms
        step = _seconds(self.interval_ms)
        return _tracks(
            self._ask("query_range", query=expression, start=_seconds(start), end=_seconds(self.now), step=step)
        )

    def readings(self, expression: str, tracks: Tracks) -> list[Reading]:
        source = self._pull.source_id
        return [
            Reading(Identity(source, expression, labels), ts, value)
            for labels, points in tracks.items()
            for ts, value in points.items()
        ]

    def _ask(self, what: str, **parameters: str) -> dict[str, Any]:
        pull, left = self._pull, self._ends - monotonic()
        base = pull.url.strip().rstrip("/").removesuffix("/api/v1")
        query = urlencode({**parameters, "timeout": f"{max(left * 1000, 1):.0f}ms"})
        if left <= 0:
            raise PullFailed(_("No answer within %(seconds)s s.", seconds=pull.timeout_s))
        try:
            body = fetch(f"{base}/api/v1/{what}?{query}", timeout_s=left, user=pull.user, secret=pull.secret)
        except BadStatus as refusal:
            if refusal.status in REFUSED:
                raise BadAnswer(_refusal(refusal)) from None
            raise
        answer = _read(body)
        self.warnings += _warnings(answer)
        return answer["data"]


def _refusal(refusal: BadStatus) -> str:
    """What the server finds wrong with an expression."""
    try:
        return _("the server says: %(text)s", text=str(json.loads(refusal.body)["error"])[:300])
    except (ValueError, TypeError, KeyError, RecursionError):
        return _("the server answered %(status)d", status=refusal.status)


def _read(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise PullFailed(NO_PROMQL) from None
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, dict) or not isinstance(data.get("result"), list) or "resultType" not in data:
        raise PullFailed(NO_PROMQL)
    return answer


def _warnings(answer: dict[str, Any]) -> list[str]:
    warnings = answer.get("warnings")
    found = [_warning(one) for one in warnings] if isinstance(warnings, list) else []
    # VictoriaMetrics says so when a part of the cluster is away.
    return found + ([_("the server warns: the answer is partial")] if answer.get("isPartial") is True else [])


def _warning(said: Any) -> str:
    return _("the server warns: %(text)s", text=str(said)[:300])


def _tracks(data: dict[str, Any]) -> Tracks:
    """The points of each series of a result. Raises BadAnswer."""
    tracks: defaultdict[Labels, dict[int, float]] = defaultdict(dict)
    try:
        for labels, pairs in _series(data):
            tracks[labels] |= dict(_points(pairs))
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError):
        raise BadAnswer(_("the answer of the server cannot be read")) from None
    return dict(tracks)


def _series(data: dict[str, Any]) -> Iterator[tuple[Labels, Sequence[Any]]]:
    result = data["result"]
    if data["resultType"] == "scalar":
        yield (), [result]
        return
    for one in result:
        if "histogram" in one or "histograms" in one:
            raise BadAnswer(_("the expression gives a histogram; expected a number"))
        yield sorted_labels(one["metric"]), one["values"] if "values" in one else [one["value"]]


def _points(pairs: Iterable[Any]) -> Iterator[tuple[int, float]]:
    """Values come as texts; "NaN" and "+Inf" are none that can be added or drawn."""
    for seconds, text in pairs:
        if math.isfinite(value := float(text)):
            yield round(float(seconds) * 1000), value


def _seconds(ms: int) -> str:
    return f"{ms / 1000:.3f}"
