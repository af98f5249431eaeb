"""Sources that Watchfloor fetches itself: what each kind has to bring, and where it stands."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Protocol, cast

from metrics.ingest.calls import Call, Sender, Taken
from metrics.sentences import Fault
from metrics.series.horizons import raw_retention_ms
from metrics.series.readings import sorted_labels
from metrics.series.storing import Stored, store
from metrics.sources.models import Pull, Source

Keep = Callable[[Pull, Taken], Stored]
"""Store what one pull brought, inside the collector's transaction."""


class PullFailed(Fault):
    """A source could not be fetched. The sentence holds no secret.

    `taken` is what is to be stored nevertheless, such as the sample that says "down".
    """

    def __init__(self, sentence: str, taken: Taken | None = None) -> None:
        super().__init__(sentence)
        self.taken = taken or Taken()


class Puller(Protocol):
    """What the module of a kind has: a function `pull`, and `keep` where storing samples is not all."""

    def pull(self, pull: Pull, now: int) -> Taken:
        """Fetch the source once; `now` is in epoch ms. Raises PullFailed.

        Runs in a thread of its own, outside every transaction, and keeps to `pull.timeout_s` by itself. What could not
        be taken of an answer that is otherwise good is rejected in the Taken.
        """


# By name, so that a kind's libraries are loaded when it is first asked for.
MODULES = {
    Source.Kind.SCRAPE: "metrics.sources.scrape",
    Source.Kind.HTTP: "metrics.sources.http_json",
    Source.Kind.SQL: "metrics.sources.sql",
    Source.Kind.PROMQL: "metrics.sources.promql",
}
"""Which fields of a Pull count is said in the module of its kind."""


def puller_of(kind: str) -> Puller:
    """Raises KeyError for a kind that is not pulled."""
    return cast(Puller, import_module(MODULES[Source.Kind(kind)]))


def keep_of(kind: str) -> Keep:
    return getattr(import_module(MODULES[Source.Kind(kind)]), "keep", keep)


def keep(pull: Pull, taken: Taken) -> Stored:
    return store(taken.readings, ended=taken.ended) if taken.readings or taken.ended else Stored()


def call_of(pull: Pull, now: int) -> Call:
    """A pull as if the source had sent what it answers, for the rules that all formats share."""
    source = pull.source
    sender = Sender(source.pk, source.name, sorted_labels(source.labels))
    return Call("GET", "", {}, {}, b"", sender, now, now - raw_retention_ms())
