"""How a source is doing, in one word."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from metrics.sources.condition import LOOKS, WORDS, Condition, condition
from metrics.sources.models import Pull, Source

NOW = datetime(2031, 5, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def fetched(**fields) -> Condition:
    return condition(Source(), Pull(interval_s=10, timeout_s=5, **fields), None, NOW)


def sending(interval_ms: int | None = 1_000, **fields) -> Condition:
    return condition(Source(**fields), None, interval_ms, NOW)


def test_every_condition_has_a_word_and_a_look_of_its_own():
    assert set(WORDS) == set(LOOKS)
    assert len(set(LOOKS.values())) == len(LOOKS)


def test_a_source_that_is_switched_off_is_off_whatever_happened_before():
    assert fetched(enabled=False, failing_since=ago(hours=1)) == Condition("off")


def test_a_source_that_cannot_be_fetched_is_failing_since_the_first_time():
    since = ago(hours=3)
    assert fetched(failing_since=since, succeeded_at=ago(hours=4)) == Condition("failing", since)


def test_a_source_that_was_never_fetched_was_never_seen():
    assert fetched() == Condition("never")


# Three intervals of 10 s, the time limit of 5 s, and 15 s for the collector.
@pytest.mark.parametrize("late, name", [(timedelta(), "works"), (SECOND, "silent")])
def test_a_source_that_nobody_fetches_any_more_is_silent(late, name):
    assert fetched(succeeded_at=ago(seconds=50) - late).name == name


@pytest.mark.parametrize("late, name", [(timedelta(), "works"), (SECOND, "silent")])
def test_a_sender_is_silent_after_five_minutes(late, name):
    assert sending(last_seen_at=ago(minutes=5) - late).name == name


@pytest.mark.parametrize("late, name", [(timedelta(), "works"), (SECOND, "silent")])
def test_a_sender_that_comes_once_an_hour_may_be_away_for_three(late, name):
    seen = ago(hours=3, minutes=2) - late
    found = sending(3_600_000, last_seen_at=seen)
    assert found.name == name
    assert found.since == (seen if name == "silent" else None)


def test_a_sender_without_a_sample_was_never_seen():
    assert sending(None) == Condition("never")


def test_a_sender_of_whom_nothing_is_taken_is_failing():
    seen = ago(minutes=4)
    assert sending(last_seen_at=seen, last_error_at=ago(seconds=1)) == Condition("failing", seen)
    first = ago(seconds=1)
    assert sending(last_error_at=first) == Condition("failing", first)


def test_a_sender_of_whom_something_is_taken_works():
    assert sending(last_seen_at=ago(seconds=60), last_error_at=ago(seconds=1)).name == "works"


def test_an_error_of_long_ago_is_no_failure():
    assert sending(last_seen_at=ago(hours=3), last_error_at=ago(hours=2)).name == "silent"
