from __future__ import annotations

import pytest

from metrics.series.sightings import EVERY_S, Sightings
from metrics.series.storing import Stored
from metrics.sources.models import Source
from metrics.sources.seconds import LATE_S, next_second
from metrics.sources.telling import Teller

NEWS = Stored(touched=frozenset({1}), new=1)


def test_what_was_stored_is_told():
    told = []
    Teller(told.append).tell(NEWS)
    assert told == [NEWS]


def test_duplicates_alone_are_no_news():
    told = []
    Teller(told.append).tell(Stored(duplicates=5))
    assert told == []


def test_a_fault_of_the_listener_is_said_once_until_it_works_again(caplog):
    faults = [True, True, False, True]

    def listen(_stored):
        if faults.pop(0):
            raise RuntimeError

    teller = Teller(listen)
    for _ in range(4):
        teller.tell(NEWS)
    assert len(caplog.records) == 2


@pytest.mark.django_db
def test_a_source_is_noted_at_most_once_a_minute(shop):
    now = [0.0]
    sightings = Sightings(lambda: now[0])

    def seen():
        return Source.objects.get(pk=shop.pk).last_seen_at

    sightings.note([shop.pk])
    first = seen()
    now[0] = EVERY_S - 1.0
    sightings.note([shop.pk])
    assert seen() == first
    now[0] = EVERY_S
    sightings.note([shop.pk])
    assert seen() > first


@pytest.mark.parametrize("now, waits", [(10.0, 1.0), (10.25, 0.75), (10.999, 0.001)])
def test_a_tick_comes_right_after_the_full_second(now, waits):
    assert next_second(now) == pytest.approx(waits + LATE_S)
