"""Making, changing and removing KPIs. Each verb is one transaction and shows on every open board after its commit."""

from __future__ import annotations

from django.db import transaction
from django.db.models import F

from metrics.kpis.matching import bind
from metrics.kpis.models import KPI
from metrics.kpis.naming import humanised, save_with_slug, slugs

SETTINGS = [
    "name",
    "metric",
    "source",
    "labels",
    "unit",
    "precision",
    "polarity",
    "warn",
    "critical",
    "direction",
    "stale_after_s",
]


def make_kpi(kpi: KPI) -> KPI:
    """Store a new KPI and bind the series that match; it is on no board yet.

    An empty name is made from the metric, the slug from the name, and an empty unit is what the series say. Raises
    ValidationError.
    """
    kpi.name = kpi.name or humanised(kpi.metric)
    kpi.full_clean(exclude=["slug"])
    with transaction.atomic():
        save_with_slug(kpi, slugs(kpi.name, kpi.metric, fallback="kpi"))
        bind(kpi)
        if not kpi.unit:
            kpi.unit = kpi.series.exclude(unit="").order_by("pk").values_list("unit", flat=True).first() or ""
            kpi.save(update_fields=["unit"])
    return kpi


def change_kpi(kpi: KPI) -> None:
    """Store a KPI's settings as they now are, and bind anew. Raises ValidationError."""
    kpi.full_clean(exclude=["slug"])
    with transaction.atomic():
        # Locked by the first statement, so that two changes cannot bind what the other one asked for.
        KPI.objects.filter(pk=kpi.pk).update(version=F("version") + 1)
        kpi.save(update_fields=SETTINGS)
        bind(kpi)
        kpi.boards.shown_anew()


def remove_kpi(kpi: KPI) -> None:
    """Delete the KPI and take it off all boards."""
    with transaction.atomic():
        kpi.boards.changed()
        kpi.delete()
