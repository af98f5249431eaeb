"""Transactions are as long as a stride, whatever a machine or a piece of work is like."""

from __future__ import annotations

from itertools import pairwise

import pytest

from metrics.series import rollups
from metrics.series.models import Series
from metrics.series.rollups import catch_up
from metrics.series.storing import store
from metrics.series.stride import SECONDS, Stride
from tests.metrics.series.arranging import T0, reading

MOST = 1_000


def walked(stride, each_s, *, was_all=False):
    """How much of 1,000 is done at once after a while, when each takes so long."""
    for _ in range(100):
        stride.note(stride.of(MOST) * each_s, was_all=was_all)
    return stride.of(MOST)


@pytest.mark.parametrize("each_s, there", [(SECONDS / 300, 300), (SECONDS / 50, 50), (SECONDS, 40), (1e-9, MOST)])
def test_a_stride_comes_to_its_length_in_time(each_s, there):
    assert walked(Stride(), each_s) == pytest.approx(there, rel=0.02)


def test_it_follows_a_machine_that_becomes_slow():
    stride = Stride()
    assert walked(stride, SECONDS / 500) > walked(stride, SECONDS / 50) * 9


def test_what_was_all_there_was_makes_it_no_longer_but_shorter():
    stride = Stride()
    before = stride.of(MOST)
    assert walked(stride, 1e-9, was_all=True) == before
    assert walked(stride, SECONDS, was_all=True) < before


def test_one_moment_of_waiting_halves_it_at_most():
    stride = Stride()
    before = stride.of(MOST)
    stride.note(60.0, was_all=False)
    assert stride.of(MOST) == before // 2


def dirty():
    return Series.objects.filter(dirty_from__isnull=False).count()


@pytest.mark.django_db
def test_rolling_up_takes_fewer_series_at_once_where_it_is_slow(shop, monkeypatch):
    store([reading(shop.pk, T0, metric=f"m{n}") for n in range(100)])
    ticks = iter(range(1_000))
    monkeypatch.setattr(rollups, "perf_counter", lambda: float(next(ticks)))
    stride, left = Stride(), [dirty()]
    while catch_up(stride):
        left.append(dirty())
    assert [before - after for before, after in pairwise(left)] == [50, 25, 20]
    assert dirty() == 0
