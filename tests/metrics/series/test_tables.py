"""The migration that remakes the tables keeps what is in them, both ways."""

from __future__ import annotations

import pytest
from django.core.management import call_command

from metrics.series.models import Rollup, Sample, Series
from metrics.series.rollups import roll_up
from metrics.series.storing import store
from tests.metrics.series.arranging import T0, reading

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def before():
    """The tables as they were; afterwards they are as they are."""
    yield lambda: call_command("migrate", "metrics", "0005", verbosity=0)
    call_command("migrate", verbosity=0)


def test_samples_and_rollups_stay_and_all_tiers_are_computed(before, shop):
    store([reading(shop.pk, T0 + n * 7_000, n / 3) for n in range(20)])
    roll_up()
    samples, rollups = list(Sample.objects.values_list()), list(Rollup.objects.values_list())
    before()
    assert list(Sample.objects.values_list()) == samples
    Rollup.objects.exclude(res=60).delete()
    call_command("migrate", verbosity=0)
    assert list(Sample.objects.values_list()) == samples
    assert list(Rollup.objects.values_list()) == [row for row in rollups if row[1] == 60]
    assert Series.objects.values_list("dirty_from", "dirty_to").get() == (T0, T0 + 19 * 7_000)
    roll_up()
    assert sorted(Rollup.objects.values_list()) == sorted(rollups)
