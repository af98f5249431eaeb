"""How a source is doing: one word, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.utils.translation import pgettext_lazy

from metrics.sources.models import Pull, Source

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

QUIET = timedelta(minutes=5)
"""Without a sample for so long a sender counts as silent, unless its samples come that seldom anyhow."""
INTERVALS = 3
SLACK = timedelta(seconds=15)
"""What a fetch may come late: the collector has to be elected first."""
UNNOTED = timedelta(minutes=2)
"""`Source.last_seen_at` is written once a minute, so an error that is newer by less says nothing."""

WORDS = {
    "works": pgettext_lazy("source", "Works"),
    "failing": pgettext_lazy("source", "Failing"),
    "silent": pgettext_lazy("source", "Silent"),
    "off": pgettext_lazy("source", "Switched off"),
    "never": pgettext_lazy("source", "Never seen"),
}
LOOKS = {"works": "ok", "failing": "crit", "silent": "stale", "off": "off", "never": "none"}
"""The colour and shape of each, as the pages' status classes and icons are called."""


@dataclass(frozen=True, slots=True)
class Condition:
    """`name` is a key of WORDS. `since` is given for what is failing or silent."""

    name: str
    since: datetime | None = None

    @property
    def word(self) -> StrOrPromise:
        return WORDS[self.name]

    @property
    def look(self) -> str:
        return LOOKS[self.name]


def condition(source: Source, pull: Pull | None, interval_ms: int | None, now: datetime) -> Condition:
    """`interval_ms` is the shortest interval among the source's series, None when unknown."""
    return _fetched(pull, now) if pull else _sending(source, interval_ms or 0, now)


def _fetched(pull: Pull, now: datetime) -> Condition:
    if not pull.enabled:
        return Condition("off")
    patience = timedelta(seconds=INTERVALS * pull.interval_s + pull.timeout_s) + SLACK
    if pull.failing_since:
        return Condition("failing", pull.failing_since)
    return _by_time(pull.succeeded_at, patience, now)


def _sending(source: Source, interval_ms: int, now: datetime) -> Condition:
    patience = max(QUIET, timedelta(milliseconds=INTERVALS * interval_ms) + UNNOTED)
    seen, failed = source.last_seen_at, source.last_error_at
    if failed and now - failed < patience and (seen is None or failed - seen > UNNOTED):
        # Whatever it sends is refused.
        return Condition("failing", seen or failed)
    return _by_time(seen, patience, now)


def _by_time(seen: datetime | None, patience: timedelta, now: datetime) -> Condition:
    if seen is None:
        return Condition("never")
    return Condition("silent", seen) if now - seen > patience else Condition("works")
