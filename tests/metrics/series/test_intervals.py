from __future__ import annotations

import pytest

from metrics.series.intervals import observed_interval


def after(*batches, known=None, last=None):
    for times in batches:
        known = observed_interval(known, last, times)
        last = max(times) if last is None else max(last, *times)
    return known


def test_a_single_sample_says_nothing():
    assert after([1_000]) is None


def test_two_samples_say_how_far_they_are_apart():
    assert after([1_000], [11_000]) == 10_000


def test_one_batch_of_several_samples_gives_the_usual_distance():
    assert after([0, 1_000, 2_000, 3_000, 60_000]) == 1_000


def test_a_steady_series_keeps_its_interval():
    assert after(*([second * 1_000] for second in range(50))) == 1_000


@pytest.mark.parametrize("silence", [5_000, 3_600_000])
def test_one_silence_does_not_make_a_lively_series_look_slow(silence):
    assert after([0], [1_000], [1_000 + silence]) <= 1_251


def test_after_a_silence_the_old_rhythm_comes_back():
    start = 3_600_000
    assert after([0], [1_000], *([start + second * 1_000] for second in range(6))) < 1_010


def test_a_series_that_becomes_slow_is_followed_within_twenty_samples():
    assert after([0], [1_000], *([minute * 60_000] for minute in range(1, 21))) == 60_000


def test_a_series_that_becomes_lively_is_followed_within_ten_samples():
    assert after([0], [60_000], *([60_000 + second * 1_000] for second in range(1, 11))) < 1_100


def test_late_samples_say_nothing():
    assert observed_interval(1_000, 10_000, [3_000, 4_500]) == 1_000


def test_of_a_batch_that_is_partly_late_only_the_fresh_samples_count():
    assert observed_interval(None, 10_000, [3_000, 12_000, 14_000]) == 2_000
