"""What a KPI comes to, by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.kpis import evaluation
from metrics.kpis.evaluation import BACK_MS, evaluate, judged
from metrics.kpis.lines import Track, added
from metrics.kpis.models import KPI
from metrics.kpis.staleness import SHORTEST_MS, UNKNOWN_MS, stale_after_ms

NOW = 1_795_154_400_000
SECOND = 1_000


def every_second(*values, until=NOW, interval_ms=SECOND, **more):
    """A track whose last value came at `until`."""
    first = until - (len(values) - 1) * interval_ms
    return Track([(first + n * interval_ms, value) for n, value in enumerate(values)], interval_ms, **more)


def changed(kpi, value, before):
    return evaluation.changed(kpi, value, before)


def change(*tracks):
    return evaluate(kpi(), tracks, NOW).change


def kpi(**fields):
    return KPI(metric="orders", **fields)


# Value


def test_the_value_is_the_newest_one():
    found = evaluate(kpi(), [every_second(1.0, 2.0, 7.0)], NOW)
    assert (found.value, found.at, found.live) == (7.0, NOW, 1)


def test_several_series_are_added():
    found = evaluate(kpi(), [every_second(1.0, 2.0), every_second(40.0, until=NOW - SECOND)], NOW)
    assert (found.value, found.live) == (42.0, 2)
    assert found.at == NOW, "measured at: the newest of them"


def test_a_silent_series_is_not_added():
    silent = every_second(40.0, 40.0, until=NOW - SHORTEST_MS)
    assert evaluate(kpi(), [every_second(2.0), silent], NOW).value == 2.0


def test_adding_makes_no_noise():
    assert added([0.1] * 10) == 1.0


def test_a_sum_beyond_every_float_is_the_largest_float():
    assert added([1.7e308, 1.7e308]) == pytest.approx(1.7976931348623157e308)


def test_without_samples_there_is_no_data():
    found = evaluate(kpi(), [], NOW)
    assert (found.status, found.value, found.at, found.next_change_at) == ("none", None, None, None)


# Staleness


@pytest.mark.parametrize(
    "interval_ms, own_s, expected",
    [
        (60_000, None, 180_000),
        (2_000, None, 6_000),
        (1_000, None, SHORTEST_MS),
        (10, None, SHORTEST_MS),
        (None, None, UNKNOWN_MS),
        (60_000, 10, 10_000),
        (None, 2, 2_000),
    ],
)
def test_a_series_is_given_three_intervals(interval_ms, own_s, expected):
    assert stale_after_ms(interval_ms, own_s) == expected


@pytest.mark.parametrize("late_ms, expected", [(179_999, "ok"), (180_000, "stale"), (180_001, "stale")])
def test_a_tile_turns_stale_after_three_intervals_and_not_before(late_ms, expected):
    track = every_second(1.0, 2.0, interval_ms=60_000)
    assert evaluate(kpi(), [track], NOW + late_ms).status == expected


def test_next_change_at_is_the_moment_at_which_it_turns_stale():
    track = every_second(1.0, 2.0, interval_ms=60_000)
    at = evaluate(kpi(), [track], NOW).next_change_at
    assert at == NOW + 180_000
    assert evaluate(kpi(), [track], at - 1).status == "ok"
    assert evaluate(kpi(), [track], at).status == "stale"


def test_of_two_series_the_first_to_turn_stale_is_the_next_change():
    slow, quick = every_second(1.0, interval_ms=60_000), every_second(1.0, interval_ms=10_000)
    assert evaluate(kpi(), [slow, quick], NOW).next_change_at == NOW + 30_000


def test_a_stale_tile_keeps_the_last_value_and_says_since_when():
    found = evaluate(kpi(warn=1, polarity="up_good"), [every_second(1.0, 2.0)], NOW + 60_000)
    assert (found.value, found.stale_since, found.at) == (2.0, NOW, NOW)
    assert (found.change, found.limit, found.next_change_at, found.live) == (None, None, None, 0)


def test_a_stale_value_does_not_hold_what_was_silent_long_before():
    old = every_second(100.0, until=NOW - 3_600_000)
    assert evaluate(kpi(), [every_second(2.0), old], NOW + 60_000).value == 2.0


def test_a_sender_that_ends_its_series_makes_it_stale_at_once():
    track = every_second(1.0, 2.0, interval_ms=60_000, stale_at=NOW)
    assert evaluate(kpi(), [track], NOW).status == "stale"


def test_a_sample_after_the_end_makes_it_live_again():
    track = every_second(1.0, 2.0, interval_ms=60_000, stale_at=NOW - 1)
    assert evaluate(kpi(), [track], NOW).status == "ok"


# Status


@pytest.mark.parametrize(
    "value, status, limit",
    [(79.9, "ok", None), (80, "ok", None), (80.1, "warn", 80), (95, "warn", 80), (95.1, "crit", 95)],
)
def test_above_its_limits_a_value_is_worrying(value, status, limit):
    assert judged(kpi(warn=80, critical=95), value) == (status, limit)


@pytest.mark.parametrize(
    "value, status, limit", [(10, "ok", None), (9.9, "warn", 10), (5, "warn", 10), (4.9, "crit", 5)]
)
def test_below_its_limits_a_value_is_worrying(value, status, limit):
    assert judged(kpi(warn=10, critical=5, direction="below"), value) == (status, limit)


def test_a_critical_limit_alone_is_enough():
    assert judged(kpi(critical=0), 1) == ("crit", 0)


# Change


def test_the_change_is_against_the_value_of_a_minute_ago():
    values = [50.0] + [999.0] * 59 + [60.0]
    found = change(every_second(*values))
    assert (found.direction, found.amount, found.percent) == ("up", 20.0, True)


def test_both_sides_of_a_change_are_sums():
    tracks = [every_second(10.0, *[0.0] * 59, 30.0), every_second(10.0, *[0.0] * 59, 10.0)]
    assert change(*tracks).amount == pytest.approx(100.0)


def test_the_value_of_a_minute_ago_may_stand_before_the_points_that_were_read():
    track = Track([(NOW - 100, 1.0), (NOW, 3.0)], 100, earlier=(NOW - BACK_MS - 50, 2.0))
    assert change(track).amount == 50.0


def test_a_series_that_was_silent_a_minute_ago_has_no_change():
    track = Track([(NOW - 120_000, 1.0), (NOW - 1_000, 2.0), (NOW, 3.0)], 1_000)
    assert change(track) is None


def test_a_series_that_is_younger_than_a_minute_has_no_change():
    assert change(every_second(1.0, 2.0, 3.0)) is None


def test_a_slow_series_changes_against_the_sample_before():
    track = every_second(10.0, 12.0, interval_ms=300_000)
    assert change(track).amount == pytest.approx(20.0)


def test_percentages_change_by_points():
    found = changed(kpi(unit="%"), 4.8, 0.5)
    assert (found.direction, found.percent) == ("up", False)
    assert found.amount == pytest.approx(4.3)


def test_percentages_may_rise_from_nothing():
    assert changed(kpi(unit="%"), 3.0, 0.0).amount == 3.0


def test_a_rise_from_nothing_has_no_share():
    assert changed(kpi(), 3.0, 0.0) is None


def test_nothing_and_still_nothing_is_no_change():
    assert changed(kpi(), 0.0, 0.0).direction == "flat"


def test_from_a_debt_the_share_is_of_its_size():
    assert changed(kpi(), -50.0, -100.0).amount == 50.0


@pytest.mark.parametrize(
    "value, direction", [(100.9, "flat"), (101.0, "up"), (99.1, "flat"), (99.0, "down"), (100.0, "flat")]
)
def test_a_change_of_less_than_one_percent_is_flat(value, direction):
    assert changed(kpi(), value, 100.0).direction == direction


@pytest.mark.parametrize(
    "polarity, value, tone",
    [
        ("up_good", 110, "good"),
        ("up_good", 90, "bad"),
        ("down_good", 110, "bad"),
        ("down_good", 90, "good"),
        ("neutral", 110, "flat"),
        ("up_good", 100, "flat"),
    ],
)
def test_polarity_says_whether_a_change_is_welcome(polarity, value, tone):
    assert changed(kpi(polarity=polarity), value, 100.0).tone == tone


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_a_change_is_finite_or_none(value, before):
    found = changed(kpi(), value, before)
    assert found is None or abs(found.amount) < float("inf")
