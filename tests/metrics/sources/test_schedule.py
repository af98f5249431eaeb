"""When a source is fetched next."""

from __future__ import annotations

import pytest

from live.clock import from_ms
from metrics.sources.models import Pull
from metrics.sources.schedule import is_due, next_due, pause_ms

NOW = 1_795_154_400_000


def a_pull(source=1, interval_s=15, due=None):
    return Pull(source_id=source, interval_s=interval_s, due_at=None if due is None else from_ms(due))


def test_what_was_never_fetched_is_due():
    assert is_due(a_pull(), NOW)


@pytest.mark.parametrize("ahead, due", [(-1, True), (0, True), (1, False), (300_000, False), (300_001, True)])
def test_a_fetch_is_due_at_its_time_and_when_its_time_was_set_for_a_longer_interval(ahead, due):
    assert is_due(a_pull(due=NOW + ahead), NOW) == due


def test_a_day_may_be_waited_for_where_the_interval_is_a_day():
    assert not is_due(a_pull(interval_s=86_400, due=NOW + 86_400_000), NOW)


def test_the_next_fetch_is_an_interval_after_the_last_that_was_on_time():
    pull = a_pull(3)
    first = next_due(pull, NOW, 0)
    assert [next_due(pull, first + late, 0) - first for late in (0, 1, 900, 7_000)] == [15_000] * 4


def test_after_a_late_one_the_beat_is_kept_and_none_follows_at_once():
    pull = a_pull(3)
    first = next_due(pull, NOW, 0)
    assert next_due(pull, first + 8_000, 0) - first == 30_000
    assert next_due(pull, first + 100_000, 0) - first == 120_000


@pytest.mark.parametrize("count", [4, 30, 100])
def test_sources_are_spread_over_the_interval(count):
    interval = 60_000
    beats = sorted(next_due(a_pull(pk, 60), NOW, 0) % interval for pk in range(1, count + 1))
    gaps = [later - sooner for sooner, later in zip(beats, [*beats[1:], beats[0] + interval], strict=True)]
    assert max(gaps) <= 2.7 * interval / count
    assert min(gaps) > 0


def test_a_pause_doubles_up_to_five_minutes():
    pauses = [[pause_ms(15, failures) for _ in range(50)] for failures in range(1, 8)]
    highest = [15_000, 30_000, 60_000, 120_000, 240_000, 300_000, 300_000]
    for tried, most in zip(pauses, highest, strict=True):
        assert most * 0.75 <= min(tried) < max(tried) <= most


def test_a_pause_is_no_shorter_than_a_long_interval():
    assert 0.75 * 3_600_000 <= pause_ms(3_600, 9) <= 3_600_000


def test_very_many_failures_are_no_arithmetic_error():
    assert pause_ms(1, 10**6) <= 300_000
    assert next_due(a_pull(), NOW, 10**6) > NOW
