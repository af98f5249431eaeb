from __future__ import annotations

import pytest
from django.conf import settings

from metrics.series.bulk import SampleRow, insert_samples
from metrics.series.horizons import DAY_MS
from metrics.series.models import Series
from metrics.series.storing import store
from metrics.sources.models import Source
from tests.metrics.series.arranging import T0, reading

ON_SQLITE = ["test_on_sqlite.py"]
ON_POSTGRESQL = ["test_partitions.py", "test_on_postgresql.py"]
collect_ignore = ON_SQLITE if "postgresql" in settings.DATABASES["default"]["ENGINE"] else ON_POSTGRESQL


@pytest.fixture
def shop(db) -> Source:
    return Source.objects.create(name="shop")


@pytest.fixture
def crowd(shop) -> list[int]:
    """200,000 old samples of 20 series, and one young sample of each; the ids of the series."""
    store([reading(shop.pk, T0 + 3 * DAY_MS, metric=f"m{n}") for n in range(20)])
    ids = list(Series.objects.values_list("pk", flat=True))
    insert_samples([SampleRow(series, T0 + n * 1_000, float(n)) for series in ids for n in range(10_000)])
    Series.objects.update(dirty_from=None, dirty_to=None)
    return ids
