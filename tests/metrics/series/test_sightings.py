from __future__ import annotations

import pytest

from metrics.series.sightings import EVERY_S, LAGS, Sightings, Skews
from metrics.sources.models import Source

pytestmark = pytest.mark.django_db


@pytest.fixture
def skews():
    return Skews()


def test_without_times_nothing_is_known_of_a_clock(skews):
    assert skews.of(1) is None


@pytest.mark.parametrize("lags, skew", [([40], 40), ([-40], -40), ([10, 90, 20], 20), ([5, 5, 5, 86_400_000], 5)])
def test_a_clock_is_as_far_off_as_most_calls_say(skews, lags, skew):
    for lag in lags:
        skews.note(1, 1_000_000, 1_000_000 - lag)
    assert (skews.of(1), skews.of(2)) == (skew, None)


def test_a_clock_that_was_put_right_is_right_after_a_while(skews):
    for lag in [90_000] * LAGS + [0] * (LAGS // 2 + 1):
        skews.note(1, 1_000_000, 1_000_000 - lag)
    assert skews.of(1) == 0


def test_very_many_sources_do_not_fill_the_memory(skews, monkeypatch):
    monkeypatch.setattr("metrics.series.sightings.SOURCES", 10)
    for source in range(35):
        skews.note(source, 1_000, 0)
    assert (skews.of(24), skews.of(25)) == (None, 1_000)


def test_it_is_written_with_the_sighting_and_no_more_often(skews, shop):
    now = [1_000.0]
    sightings = Sightings(lambda: now[0], skews=skews)
    skews.note(shop.pk, 50_000, 10_000)
    sightings.note([shop.pk])
    skews.note(shop.pk, 90_000, 10_000)
    skews.note(shop.pk, 90_000, 10_000)
    sightings.note([shop.pk])
    assert Source.objects.get(pk=shop.pk).skew_ms == 40_000
    now[0] += EVERY_S
    sightings.note([shop.pk])
    assert Source.objects.get(pk=shop.pk).skew_ms == 80_000


def test_another_process_without_times_leaves_what_is_known(skews, shop):
    Source.objects.filter(pk=shop.pk).update(skew_ms=7)
    Sightings(skews=skews).note([shop.pk])
    assert Source.objects.get(pk=shop.pk).skew_ms == 7
