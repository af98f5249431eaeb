"""One attempt to fetch a source, and what it came to."""

from __future__ import annotations

import logging
from concurrent.futures import Future
from dataclasses import dataclass, field
from time import monotonic
from typing import NamedTuple

from live.clock import now_ms
from metrics.ingest.calls import Taken
from metrics.sentences import sentence as _
from metrics.series.readings import Labels
from metrics.sources.models import Pull
from metrics.sources.pulling import PullFailed, puller_of
from metrics.sources.threads import in_thread

logger = logging.getLogger(__name__)

GRACE_S = 2.0
"""What a fetch may take beyond the time limit that it keeps itself, before it is given up."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """`error` is a sentence, "" after a success. `began` is in epoch ms."""

    began: int
    taken: Taken = field(default_factory=Taken)
    error: str = ""
    took_ms: int = 0


class Sample(NamedTuple):
    name: str
    labels: Labels
    value: float


class Tried(NamedTuple):
    """What a fetch would bring. With an `error` there may be samples all the same, and without one there may be none;
    `rejected` is the first thing that could not be taken of an answer that was otherwise good."""

    samples: list[Sample]
    error: str
    took_ms: int
    rejected: str = ""


def begin(pull: Pull) -> Future[Attempt]:
    """Fetch the source in a thread of its own. The future raises nothing; it may take for ever."""
    return in_thread(lambda: _attempt(pull, now_ms()), f"pull {pull.source}")


def limit_s(pull: Pull) -> float:
    """After so many seconds an attempt is given up."""
    return pull.timeout_s + GRACE_S


def given_up(pull: Pull, began: int) -> Attempt:
    sentence = _("No answer within %(seconds)s s.", seconds=pull.timeout_s)
    return Attempt(began, error=sentence, took_ms=now_ms() - began)


def try_pull(pull: Pull) -> Tried:
    """Fetch the source once and store nothing; `pull` need not be saved, its source must be."""
    began = now_ms()
    try:
        attempt = begin(pull).result(limit_s(pull))
    except TimeoutError:
        attempt = given_up(pull, began)
    readings = attempt.taken.readings
    samples = [Sample(reading.identity.metric, reading.identity.labels, reading.value) for reading in readings]
    return Tried(samples, attempt.error, attempt.took_ms, "" if attempt.error else attempt.taken.error)


def _attempt(pull: Pull, now: int) -> Attempt:
    began = monotonic()
    taken, error = _outcome(pull, now)
    return Attempt(now, taken, error, round((monotonic() - began) * 1000))


def _outcome(pull: Pull, now: int) -> tuple[Taken, str]:
    try:
        return puller_of(pull.source.kind).pull(pull, now), ""
    except PullFailed as failure:
        return failure.taken, failure.sentence
    except Exception as fault:
        if not pull.failures:
            logger.exception("%s cannot be fetched", pull.source)
        return Taken(), _("Watchfloor could not read the answer (%(fault)s).", fault=type(fault).__name__)
