"""The line of a tile: 60 points, gaps where samples are missing, sums at steps."""

from __future__ import annotations

from metrics.kpis.evaluation import evaluate
from metrics.kpis.lines import COUNT, Track, drawn
from metrics.kpis.models import KPI

T = 1_795_154_400_000


def track(*points, interval_ms=1_000):
    """Points as (seconds since T, value)."""
    return Track([(T + round(seconds * 1000), value) for seconds, value in points], interval_ms)


def values(found):
    return [value for _ts, value in found.line]


def test_a_line_holds_the_newest_sixty_points():
    found = drawn([track(*((n, float(n)) for n in range(64)))], 1_000)
    assert values(found) == [float(n) for n in range(4, 64)]
    assert (found.start, found.end) == (T + 4_000, T + 63_000)


def test_a_young_line_grows_from_the_right():
    found = drawn([track((0, 1.0), (1, 2.0))], 1_000)
    assert (found.start, found.end) == (T + 1_000 - (COUNT - 1) * 1_000, T + 1_000)


def test_three_intervals_are_bridged_and_more_are_a_gap():
    assert values(drawn([track((0, 1.0), (3, 2.0))], 1_000)) == [1.0, 2.0]
    assert values(drawn([track((0, 1.0), (3.001, 2.0))], 1_000)) == [1.0, None, 2.0]


def test_a_line_is_not_drawn_across_the_end_that_a_sender_declared():
    points = [(T, 1.0), (T + 1_000, 2.0), (T + 3_000, 3.0)]
    found = drawn([Track(points, 1_000, stale_at=T + 2_000)], 1_000)
    assert values(found) == [1.0, 2.0, None, 3.0]


def test_an_end_before_or_after_all_points_breaks_nothing():
    for stale_at in (T - 1, T + 4_000):
        assert values(drawn([Track([(T, 1.0), (T + 3_000, 3.0)], 1_000, stale_at=stale_at)], 1_000)) == [1.0, 3.0]


def test_what_ended_is_not_in_the_sum_until_it_begins_again():
    ended = Track([(T, 1.0), (T + 3_000, 1.0)], 1_000, stale_at=T + 500)
    found = drawn([ended, track(*((n, 10.0) for n in range(4)))], 1_000)
    assert values(found)[-4:] == [11.0, 10.0, 10.0, 11.0]


def test_several_series_are_added_at_each_step():
    found = drawn([track(*((n, 1.0) for n in range(60))), track(*((n, 10.0) for n in range(60)))], 1_000)
    assert values(found) == [11.0] * 60


def test_series_that_beat_out_of_step_are_added_all_the_same():
    one, other = track(*((n, 1.0) for n in range(60))), track(*((n + 0.4, 10.0) for n in range(60)))
    found = drawn([one, other], 1_000)
    assert found.line[-1] == (T + 59_400, 11.0)
    assert values(found)[1:] == [11.0] * 59


def test_the_line_ends_at_the_value_of_the_tile():
    tracks = [track(*((n, float(n)) for n in range(60))), track(*((n - 0.7, 100.0 + n) for n in range(60)))]
    found = evaluate(KPI(metric="orders"), tracks, T + 59_500)
    assert found.drawn.line[-1][1] == found.value == 59.0 + 159.0


def test_where_all_series_are_silent_the_sum_has_a_gap():
    pair = [track((0, 1.0), (1, 1.0), (9, 1.0), (10, 1.0)), track((0, 2.0), (1, 2.0), (9, 2.0), (10, 2.0))]
    found = drawn(pair, 1_000)
    assert values(found)[-11:] == [3.0, 3.0, None, None, None, None, None, None, None, 3.0, 3.0]


def test_three_intervals_are_bridged_in_a_sum_and_more_are_a_gap():
    for distance, expected in ((3, [3.0] * 4), (4, [3.0, None, None, None, 3.0])):
        pair = [track((0, value), (distance, value)) for value in (1.0, 2.0)]
        assert values(drawn(pair, 1_000))[-distance - 1 :] == expected


def test_where_one_series_is_silent_the_sum_is_that_of_the_others():
    pair = [track(*((n, 1.0) for n in range(11))), track((0, 2.0), (9, 2.0), (10, 2.0))]
    assert values(drawn(pair, 1_000))[-11:] == [3.0, *[1.0] * 8, 3.0, 3.0]


def test_a_missed_tick_makes_no_dip_in_the_sum():
    pair = [track(*((n, 1.0) for n in range(6))), track((0, 2.0), (1, 2.0), (3, 2.0), (4, 2.0), (5, 2.0))]
    assert values(drawn(pair, 1_000))[-6:] == [3.0] * 6


def test_a_slow_series_stands_between_its_samples():
    pair = [track(*((n, 1.0) for n in range(60))), track((0, 10.0), (30, 20.0), interval_ms=30_000)]
    assert values(drawn(pair, 1_000)) == [11.0] * 30 + [21.0] * 30


def test_the_drawing_of_a_stale_tile_goes_on_without_the_line():
    live = evaluate(KPI(metric="orders"), [track(*((n, 1.0) for n in range(60)))], T + 59_000).drawn
    stale = evaluate(KPI(metric="orders"), [track(*((n, 1.0) for n in range(60)))], T + 90_000).drawn
    assert stale.line == live.line
    assert stale.end == live.end + (live.end - live.start) // 4
