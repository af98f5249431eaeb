"""Finding and making the rows of series, within the limit that each source has."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence

from django.db.models import Count, F

from metrics.series.bulk import pieces
from metrics.series.models import Series
from metrics.series.readings import Identity, Reading, series_key
from metrics.sources.models import Source

SERIES_PER_SOURCE = 2_000
"""How many series one sender may make. Our own sources have no limit."""


def find_series(identities: Collection[Identity]) -> dict[Identity, int]:
    """The ids of the identities that have a row, in one query per 5,000."""
    wanted = {(identity.source, series_key(identity.metric, identity.labels)): identity for identity in identities}
    found: dict[tuple[int, bytes], int] = {}
    for piece in pieces(list(wanted)):
        sources, keys = {source for source, _key in piece}, [key for _source, key in piece]
        rows = Series.objects.filter(source_id__in=sources, key__in=keys).values_list("source_id", "key", "pk")
        found |= {(source, bytes(key)): pk for source, key, pk in rows.order_by()}
    return {identity: found[row] for row, identity in wanted.items() if row in found}


def create_series(readings: Mapping[Identity, Sequence[Reading]]) -> tuple[dict[Identity, int], frozenset[int]]:
    """The ids of the identities, and which of them are new. Those that are over the limit or without a source lack.

    Runs inside a transaction. Locking the sources keeps two processes from passing the limit together.
    """
    sources = Source.objects.select_for_update(no_key=True).order_by("pk").in_bulk({i.source for i in readings})
    there = find_series(readings)
    absent = [identity for identity in readings if identity not in there and identity.source in sources]
    allowed = _within_limits(absent, sources)
    Series.objects.bulk_create((_new(i, readings[i][0]) for i in allowed), batch_size=1_000, ignore_conflicts=True)
    made = find_series(allowed)
    _count_refused({identity: len(readings[identity]) for identity in absent if identity not in made})
    return there | made, frozenset(made.values())


def _within_limits(identities: Sequence[Identity], sources: Mapping[int, Source]) -> list[Identity]:
    counts = Series.objects.filter(source__in=sources).order_by().values_list("source").annotate(n=Count("pk"))
    taken = Counter(dict(counts))
    allowed = []
    for identity in identities:
        if sources[identity.source].kind != Source.Kind.PUSH or taken[identity.source] < SERIES_PER_SOURCE:
            taken[identity.source] += 1
            allowed.append(identity)
    return allowed


def _new(identity: Identity, reading: Reading) -> Series:
    source, metric, labels = identity
    key = series_key(metric, labels)
    return Series(source_id=source, name=metric, labels=dict(labels), key=key, unit=reading.unit, kind=reading.kind)


def _count_refused(refused: Mapping[Identity, int]) -> None:
    by_source: defaultdict[int, list[Identity]] = defaultdict(list)
    for identity in refused:
        by_source[identity.source].append(identity)
    for source, identities in sorted(by_source.items()):
        samples = sum(refused[identity] for identity in identities)
        error = f"{identities[0].metric}: refused, the source has {SERIES_PER_SOURCE} series, which is the limit"
        Source.objects.filter(pk=source).update(refused=F("refused") + samples, last_error=error)
