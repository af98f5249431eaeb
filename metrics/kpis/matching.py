"""Which series a KPI is made of. `KPI.series` holds the answer; this keeps it up as KPIs change and series arrive."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from django.db import connection, transaction
from django.db.models import F, Q

from metrics.kpis.models import KPI
from metrics.series.models import Series

FEW = 500
"""Beyond this many series it is cheaper to look at all than to name each in the query."""

Link = KPI.series.through

# The ORM joins along foreign keys only. An empty list of ids never comes here.
UNBOUND = """
    SELECT DISTINCT kpi.id FROM {series} series
    JOIN {kpi} kpi ON kpi.metric = series.name AND (kpi.source_id IS NULL OR kpi.source_id = series.source_id)
    WHERE NOT EXISTS (SELECT 1 FROM {link} link WHERE link.kpi_id = kpi.id AND link.series_id = series.id)
        AND {matches} {only}
"""
# What `matches` says, there: after each commit it is asked of all that KPIs of the same metric leave aside.
MATCHES = {
    "sqlite": """NOT EXISTS (
        SELECT 1 FROM json_each(kpi.labels) wanted WHERE NOT EXISTS (
            SELECT 1 FROM json_each(series.labels) label WHERE label.key = wanted.key AND label.value = wanted.value))
    """,
    "postgresql": "series.labels @> kpi.labels",
}
TABLES = {"kpi": KPI._meta.db_table, "series": Series._meta.db_table, "link": Link._meta.db_table}


def matches(wanted: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether the labels include all the wanted ones."""
    return all(labels.get(name) == value for name, value in wanted.items())


def bind(kpi: KPI) -> None:
    """Make `kpi.series` what matches now. Call it in the transaction that makes or changes the KPI."""
    kpi.series.set(pk for pk, labels in _candidates(kpi) if matches(kpi.labels, labels))


def bind_missing(touched: Collection[int]) -> None:
    """Bind these series to the KPIs that they match and are not bound to yet; one query when there are none.

    It looks at every series that got a sample, not only at new ones: what a crash between two transactions, or a KPI
    made at the same moment, left unbound is bound with the next sample.
    """
    if touched and (kpis := _unbound(touched)):
        _bind_anew(kpis)


def among(field: str, ids: Collection[int]) -> Q:
    """A condition that holds for these ids, and, when they are many, for all others too."""
    return Q(**{f"{field}__in": ids}) if len(ids) <= FEW else Q()


def _candidates(kpi: KPI) -> Iterable[tuple[int, dict]]:
    series = Series.objects.filter(name=kpi.metric)
    if kpi.source_id is not None:
        series = series.filter(source=kpi.source_id)
    return series.order_by().values_list("pk", "labels")


def _unbound(touched: Collection[int]) -> list[int]:
    """The KPIs that lack one of these series, or of all when they are many."""
    ids = list(touched) if len(touched) <= FEW else []
    only = f"AND series.id IN ({', '.join(['%s'] * len(ids))})" if ids else ""
    with connection.cursor() as cursor:
        cursor.execute(UNBOUND.format(matches=MATCHES[connection.vendor], only=only, **TABLES), ids)
        return [kpi for (kpi,) in cursor.fetchall()]


@transaction.atomic
def _bind_anew(ids: Iterable[int]) -> None:
    # In id order, so that two processes cannot wait for each other; read under the lock, because the KPI may have
    # been changed or removed since it was found.
    for kpi in KPI.objects.select_for_update().filter(pk__in=ids).order_by("pk"):
        bind(kpi)
        KPI.objects.filter(pk=kpi.pk).update(version=F("version") + 1)
