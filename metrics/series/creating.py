"""Finding and making the rows of series, within the limit that each source has."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence

from django.db.models import Count, F

from metrics.sentences import placed
from metrics.sentences import sentence as _
from metrics.series.bulk import pieces
from metrics.series.models import Series
from metrics.series.readings import Identity, Reading, series_key
from metrics.sources.models import Source

OURS = frozenset({Source.Kind.HOST, Source.Kind.OWN})
"""Our own sources have no limit."""
COUNTED_MS = 30 * 86_400_000


def find_series(identities: Collection[Identity]) -> dict[Identity, int]:
    """The ids of the identities that have a row, in one query per 5,000."""
    wanted = {(identity.source, series_key(identity.metric, identity.labels)): identity for identity in identities}
    found: dict[tuple[int, bytes], int] = {}
    for piece in pieces(list(wanted)):
        sources, keys = {source for source, _key in piece}, [key for _source, key in piece]
        rows = Series.objects.filter(source_id__in=sources, key__in=keys).values_list("source_id", "key", "pk")
        found |= {(source, bytes(key)): pk for source, key, pk in rows.order_by()}
    return {identity: found[row] for row, identity in wanted.items() if row in found}


def create_series(
    readings: Mapping[Identity, Sequence[Reading]], now: int
) -> tuple[dict[Identity, int], frozenset[int]]:
    """The ids of the identities, and which of them are new. Those that are over the limit or without a source lack.

    A source's limit counts the series that sent something in the 30 days before `now` (epoch ms): what changes its
    labels daily does not use it up for the two years that its hours are kept. Runs inside a transaction. Locking the
    sources keeps two processes from passing the limit together.
    """
    sources = Source.objects.select_for_update(no_key=True).order_by("pk").in_bulk({i.source for i in readings})
    there = find_series(readings)
    absent = [identity for identity in readings if identity not in there and identity.source in sources]
    allowed = _within_limits(absent, sources, now - COUNTED_MS)
    Series.objects.bulk_create((_new(i, readings[i][0]) for i in allowed), batch_size=1_000, ignore_conflicts=True)
    made = find_series(allowed)
    _count_refused({i: len(readings[i]) for i in absent if i not in made}, sources)
    return there | made, frozenset(made.values())


def _within_limits(identities: Sequence[Identity], sources: Mapping[int, Source], since: int) -> list[Identity]:
    lively = Series.objects.filter(source__in=sources).exclude(last_ts__lt=since)
    counts = lively.order_by().values_list("source").annotate(n=Count("pk"))
    taken = Counter(dict(counts))
    allowed = []
    for identity in identities:
        source = sources[identity.source]
        if source.kind in OURS or taken[source.pk] < source.series_limit:
            taken[source.pk] += 1
            allowed.append(identity)
    return allowed


def _new(identity: Identity, reading: Reading) -> Series:
    source, metric, labels = identity
    key = series_key(metric, labels)
    told = {"unit": reading.unit, "kind": reading.kind, "help": reading.help}
    return Series(source_id=source, name=metric, labels=dict(labels), key=key, **told)


def _count_refused(refused: Mapping[Identity, int], sources: Mapping[int, Source]) -> None:
    by_source: defaultdict[int, list[Identity]] = defaultdict(list)
    for identity in refused:
        by_source[identity.source].append(identity)
    for source, identities in sorted(by_source.items()):
        samples = sum(refused[identity] for identity in identities)
        fault = _("refused, the source has %(n)d series, which is the limit", n=sources[source].series_limit)
        Source.objects.filter(pk=source).update(
            refused=F("refused") + samples, last_error=placed(identities[0].metric, fault)
        )
