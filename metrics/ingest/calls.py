"""What every format of samples has in common: a call that was let in, what it brought, and what it is answered."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from re import Pattern
from typing import NamedTuple

from metrics.ingest.problems import Problem
from metrics.series.readings import Identity, Labels, Reading


class Sender(NamedTuple):
    """The source that a token lets in. `labels` are added to each of its series that has none of that name.

    `rate_limit` is how many samples a second are taken; 0: as many as come.
    """

    id: int
    name: str
    labels: Labels = ()
    rate_limit: int = 0


NOBODY = Sender(0, "")
"""Who calls an endpoint that needs no token."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose sender is known. `path` is as sent, percent signs included; header names are in lower case.

    `query` is without tokens. `body` is unpacked. `now` is when the call came, `oldest` the earliest time that is
    taken, both in epoch ms. `line` is the number of the body's first line in what was sent (see Endpoint.by_line).
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    sender: Sender
    now: int
    oldest: int
    line: int = 1


@dataclass(slots=True)
class Taken:
    """What a body came to.

    `ended` are series that their sender declares stale, with the time (epoch ms). `rejected` counts samples by reason
    (see Reason), `error` is the first thing that was wrong, with its place: a sentence (metrics.sentences).
    """

    readings: list[Reading] = field(default_factory=list)
    ended: list[tuple[Identity, int]] = field(default_factory=list)
    rejected: Counter[str] = field(default_factory=Counter)
    error: str = ""

    def reject(self, reason: str, error: str, samples: int = 1) -> None:
        self.rejected[reason] += samples
        self.error = self.error or error


class Reason:
    """Why samples are rejected: the keys of `Taken.rejected`, and the words in the admin and in /metrics."""

    TOO_OLD = "too_old"
    TOO_NEW = "too_new"
    NOT_FINITE = "not_finite"
    NOT_A_NUMBER = "not_a_number"
    BAD_NAME = "bad_name"
    BAD_LABELS = "bad_labels"
    MALFORMED = "malformed"
    UNSUPPORTED = "unsupported"
    DUPLICATE = "duplicate"
    SERIES_LIMIT = "series_limit"
    RATE_LIMIT = "rate_limit"
    NO_ROOM = "no_room"
    """Alerts of a webhook that are not announced, since too many announcements stand."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the readings of one call: `new` were stored, `duplicates` were there already, `refused` had no
    room (the source has as many series as it may), `too_old` came when their roll-ups were closed. `example` is one of
    the series that had no room."""

    new: int = 0
    duplicates: int = 0
    refused: int = 0
    too_old: int = 0
    example: Identity | None = None

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(
            self.new + other.new,
            self.duplicates + other.duplicates,
            self.refused + other.refused,
            self.too_old + other.too_old,
            self.example or other.example,
        )


@dataclass(frozen=True, slots=True)
class Answer:
    status: int = 204
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Refuse = Callable[[Problem, Mapping[str, str]], Answer]
"""How a protocol words that a request is refused; the headers are those of the request, their names in lower case."""


def refused_in_json(problem: Problem, headers: Mapping[str, str]) -> Answer:
    body = json.dumps({"error": problem.message}).encode() + b"\n"
    return Answer(problem.status, body, {"content-type": "application/json"} | problem.headers)


def refused_in_text(problem: Problem, headers: Mapping[str, str]) -> Answer:
    body = f"{problem.message}\n".encode()
    return Answer(problem.status, body, {"content-type": "text/plain; charset=utf-8"} | problem.headers)


MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A way in. `name` is its word in figures; `paths` matches the whole path as sent.

    `take` runs in a thread, may ask the database, and raises Problem when nothing of the body can be taken. With
    `is_pure` it asks nobody, so that small bodies are decoded where they are received. `answer` runs after the commit,
    on the loop, and asks nobody; so does `refuse`, which words every Problem, also those that are found before `take`.
    `largest` bounds the bytes sent, `unpacked` those after decompression; `encodings` are the content encodings that
    are taken; gzip is undone before `take`, others are a matter of the format.

    With `by_line` the body is handed over in pieces of whole lines, each stored before the next is read; `answer` gets
    all that was rejected, and no readings. `without_token` endpoints are answered for everybody and bring nothing.
    Where `query_token` is set, ?u=…&p=… and ?token=… let a sender in as well.
    """

    name: str
    paths: Pattern[str]
    methods: Sequence[str]
    take: Callable[[Call], Taken]
    answer: Callable[[Taken, Outcome], Answer] = lambda taken, outcome: Answer()
    refuse: Refuse = field(default=refused_in_json, kw_only=True)
    largest: int = 8 * MIB
    unpacked: int = 8 * MIB
    encodings: Sequence[str] = ("gzip", "identity")
    by_line: bool = False
    without_token: bool = False
    is_pure: bool = False
    query_token: bool = False
