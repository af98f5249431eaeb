"""Which request's samples were new, when several shared a transaction."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Literal

from metrics.ingest.calls import Outcome
from metrics.series.readings import Identity, Reading
from metrics.series.storing import Stored

Fate = Literal["new", "duplicates", "refused", "too_old"]


def outcomes(stored: Stored, shares: Sequence[Sequence[Reading]]) -> list[Outcome]:
    """What became of each share of what was stored together, in their order. The first to bring a time has it."""
    if not stored.duplicates and not stored.refused and not stored.too_old:
        return [Outcome(len(share)) for share in shares]
    judge = _judge(stored, shares)
    return [_outcome(stored, share, Counter(judge(reading) for reading in share)) for share in shares]


def _outcome(stored: Stored, share: Sequence[Reading], fates: Mapping[Fate, int]) -> Outcome:
    refused = (reading.identity for reading in share if reading.identity in stored.refused)
    return Outcome(fates["new"], fates["duplicates"], fates["refused"], fates["too_old"], next(refused, None))


def _judge(stored: Stored, shares: Sequence[Sequence[Reading]]) -> Callable[[Reading], Fate]:
    """Tells, reading by reading in their order, what became of it."""
    fresh = set(stored.rows)
    closed = _closed(stored.too_old, chain.from_iterable(shares))

    def fate(reading: Reading) -> Fate:
        if reading.ts <= closed.get(reading.identity, reading.ts - 1):
            return "too_old"
        if reading.identity in stored.refused:
            return "refused"
        row = (stored.ids[reading.identity], reading.ts)
        is_new = row in fresh
        fresh.discard(row)
        return "new" if is_new else "duplicates"

    return fate


def _closed(too_old: Mapping[Identity, int], readings: Iterable[Reading]) -> dict[Identity, int]:
    """The newest time of each series that was too old: so many of its oldest readings were."""
    times: defaultdict[Identity, list[int]] = defaultdict(list)
    if too_old:
        for reading in readings:
            times[reading.identity].append(reading.ts)
    return {identity: sorted(times[identity])[count - 1] for identity, count in too_old.items()}
