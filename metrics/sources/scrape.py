"""Prometheus exporters: any page of Prometheus' text format or OpenMetrics is fetched and its samples are taken.

Of a Pull these count: `url`, `user`, `secret` (without a user it is a bearer token), and `names`, the metrics wanted.

Every scrape tells of itself as Prometheus does: `up`, `scrape_duration_seconds` and `scrape_samples_scraped`. Series
that a page does not hold any more end, and all of them when it cannot be fetched.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from time import monotonic

from django.core.exceptions import ValidationError

from metrics.exposition_text import BadText, Exposed, exposed, is_openmetrics, wanted_names
from metrics.ingest.calls import Reason, Taken
from metrics.ingest.naming import BadLabels, BadName, fit_labels, fit_metric, in_time
from metrics.sentences import placed, told
from metrics.sentences import sentence as _
from metrics.series.models import Series
from metrics.series.readings import Identity, Labels, Reading
from metrics.series.storing import Stored
from metrics.sources import guard, pulling
from metrics.sources.models import Pull
from metrics.sources.pulling import PullFailed

ACCEPT = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.8,"
ACCEPT += "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
UP, DURATION, SCRAPED = "up", "scrape_duration_seconds", "scrape_samples_scraped"
OWN = {
    UP: ("", "1 when the page could be fetched and read, else 0."),
    DURATION: ("s", "How long that took."),
    SCRAPED: ("", "Samples on the page, of those that are wanted."),
}

_live: dict[int, frozenset[Identity]] = {}
"""The series of each source's last page, by the source's id. After a restart only their age tells that they ended."""


def pull(pull: Pull, now: int) -> Taken:
    """Fetch and read the page. Raises PullFailed, with what is to be stored of the failure."""
    began, target = monotonic(), _Target(pull, now)
    try:
        taken = target.scrape()
    except PullFailed as failure:
        failure.taken = Taken(target.own(up=False, took_s=monotonic() - began, samples=0), _ended(pull, Taken(), now))
        raise
    samples = len(taken.readings) + sum(taken.rejected.values())
    taken.ended += _ended(pull, taken, now)
    # First: of two samples of one time the first is kept, and a page may hold an `up` of its own.
    taken.readings[:0] = target.own(up=True, took_s=monotonic() - began, samples=samples)
    return taken


def keep(pull: Pull, taken: Taken) -> Stored:
    stored = pulling.keep(pull, taken)
    _live[pull.source_id] = _series(taken)
    return stored


def check(pull: Pull) -> None:
    """Raises ValidationError unless the settings can be pulled."""
    try:
        guard.parsed(pull.url)
    except PullFailed as fault:
        raise ValidationError({"url": told(fault.sentence)}) from None


class _Target:
    def __init__(self, pull: Pull, now: int) -> None:
        self._pull = pull
        self._ends = monotonic() + pull.timeout_s
        self._call = pulling.call_of(pull, now)
        self._labels = {"job": pull.source.name} | _instance(pull) | dict(self._call.sender.labels)

    def scrape(self) -> Taken:
        page = guard.get(self._pull.url, timeout_s=self._pull.timeout_s, accept=ACCEPT, **guard.credentials(self._pull))
        try:
            return self._read(page)
        except BadText as fault:
            raise PullFailed(_fault(page.body, fault)) from None

    def own(self, *, up: bool, took_s: float, samples: int) -> list[Reading]:
        values = {UP: float(up), DURATION: took_s, SCRAPED: float(samples)}
        labels = fit_labels(self._labels)
        return [
            Reading(self._identity(name, labels), self._call.now, values[name], unit, Series.Kind.GAUGE, text)
            for name, (unit, text) in OWN.items()
        ]

    def _read(self, page: guard.Page) -> Taken:
        taken = Taken()
        wanted = wanted_names(self._pull.names)
        for one in exposed(page.body, openmetrics=is_openmetrics(page.content_type), wanted=wanted):
            if monotonic() > self._ends:
                raise PullFailed(_("The page was not read within the time limit; name the metrics that are wanted."))
            self._take(taken, one)
        return taken

    def _take(self, taken: Taken, one: Exposed) -> None:
        ts = self._call.now if one.ts is None else one.ts
        try:
            fit_metric(one.name, place=one.place)
            labels = fit_labels(self._labels | _present(one.labels), place=one.place)
        except BadName as fault:
            taken.reject(Reason.BAD_NAME, fault.sentence)
        except BadLabels as fault:
            taken.reject(Reason.BAD_LABELS, fault.sentence)
        else:
            if reason := self._unfit(one, ts):
                said = {"name": one.name, "value": one.value, "ts": ts}
                taken.reject(reason, placed(one.place, _("%(name)s is %(value)s at %(ts)d", **said)))
            else:
                series = self._identity(one.name, labels)
                taken.readings.append(Reading(series, ts, one.value, one.unit, one.kind, one.help))

    def _unfit(self, one: Exposed, ts: int) -> str | None:
        return in_time(ts, self._call) if math.isfinite(one.value) else Reason.NOT_FINITE

    def _identity(self, name: str, labels: Labels) -> Identity:
        return Identity(self._call.sender.id, name, labels)


def _instance(pull: Pull) -> dict[str, str]:
    try:
        return {"instance": guard.host_and_port(guard.parsed(pull.url))}
    except PullFailed:
        return {}


def _present(labels: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in labels.items() if value}


def _series(taken: Taken) -> frozenset[Identity]:
    return frozenset(reading.identity for reading in taken.readings if reading.identity.metric not in OWN)


def _ended(pull: Pull, taken: Taken, now: int) -> list[tuple[Identity, int]]:
    return [(series, now) for series in _live.get(pull.source_id, frozenset()) - _series(taken)]


def _fault(body: bytes, fault: BadText) -> str:
    start = body[:1000].lstrip().lower()
    if start.startswith((b"<!doctype", b"<html")):
        return _("The page is HTML, not metrics.")
    if start.startswith((b"{", b"[")):
        return _("The page is JSON, not metrics.")
    return _("The page is not as Prometheus writes it: %(fault)s.", fault=fault.sentence)
