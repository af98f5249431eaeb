"""Geometry: numbers in, path data out."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.charts import MOST, Scale, runs, sparkline, thinned

NUMBER = re.compile(r"-?\d+\.\d")
floats = st.floats(allow_nan=False, allow_infinity=False)


def draw(values, **options):
    """The values one unit of time apart."""
    return sparkline(list(enumerate(values)), start=0, end=max(len(values) - 1, 1), **options)


def placed(points, **options):
    return sparkline(points, **options)


def places(path):
    """The points of a path without areas: [[(x, y), …], …], one list for each stretch."""
    return [[tuple(map(float, point.split())) for point in run.split("L")] for run in path.split("M")[1:]]


def test_the_lowest_value_is_near_the_bottom_and_the_highest_near_the_top():
    assert places(draw([0, 10]).line) == [[(0.0, 54.0), (300.0, 6.0)]]


def test_a_line_is_written_with_one_decimal():
    assert draw([0, 1, 3], width=100).line == "M0.0 54.0L50.0 38.0L100.0 6.0"


def test_the_area_goes_down_to_the_bottom_on_both_sides():
    assert draw([0, 10]).area == "M0.0 60L0.0 54.0L300.0 6.0L300.0 60Z"


def test_a_gap_breaks_the_line_and_the_area():
    drawing = draw([1, 2, None, 2, 1])
    assert [len(run) for run in places(drawing.line)] == [2, 2]
    assert drawing.area.count("Z") == 2


def test_a_line_without_ups_and_downs_runs_through_the_middle():
    assert places(draw([7, 7, 7]).line) == [[(0.0, 30.0), (150.0, 30.0), (300.0, 30.0)]]


@pytest.mark.parametrize("at", [0, 5, 10])
def test_a_single_point_is_a_dash_inside_the_drawing(at):
    [run] = places(placed([(at, 4.0)], start=0, end=10).line)
    (left, y), (right, same) = run
    assert 0 <= left < right <= 300
    assert y == same == 30.0


def test_a_single_point_between_gaps_is_seen():
    assert [len(run) for run in places(draw([1, 2, None, 3, None, 1, 2]).line)] == [2, 2, 2]


@pytest.mark.parametrize("values", [[], [None, None]])
def test_nothing_makes_no_drawing(values):
    assert draw(values) is None


def test_what_lies_outside_the_stretch_of_time_is_not_drawn():
    inside = [(10, 1.0), (20, 2.0)]
    assert placed([(0, 100.0), *inside], start=10, end=20) == placed(inside, start=10, end=20)


@pytest.mark.parametrize("limit, expected", [(10, 6.0), (5, 30.0), (0, 54.0)])
def test_a_limit_is_mapped_like_a_value(limit, expected):
    assert draw([0, 10], limit=limit).limit_y == expected


def test_a_limit_far_from_the_values_is_in_view():
    drawing = draw([1, 2], limit=100)
    assert drawing.limit_y == 6.0


def test_what_hardly_moves_looks_calm():
    """From 100 to 101 is a fifth of the least span of 5, so it takes a fifth of the 48 px between the margins."""
    heights = [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", draw([100, 101, 100]).line)]
    assert max(heights) - min(heights) == pytest.approx(48 / 5.05, abs=0.2)


def test_what_moves_by_a_twentieth_fills_the_height():
    heights = [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", draw([95, 100]).line)]
    assert max(heights) - min(heights) == pytest.approx(48)


def test_without_a_limit_there_is_none_to_draw():
    assert draw([0, 10]).limit_y is None


def test_few_points_are_drawn_as_they_are():
    points = [(x, float(x % 7)) for x in range(MOST)]
    assert thinned(points, MOST) is points


def test_a_spike_survives_thinning():
    points = [(x, 125.0 if x == 7_001 else float(x % 3)) for x in range(10_000)]
    kept = thinned(points, MOST)
    assert (7_001, 125.0) in kept
    assert len(kept) <= MOST


def test_a_dip_survives_thinning():
    points = [(x, -1.0 if x == 4_444 else 10.0 + x % 3) for x in range(10_000)]
    assert (4_444, -1.0) in thinned(points, MOST)


def test_a_gap_survives_thinning():
    points = [(x, None if 500 <= x < 600 else 1.0) for x in range(1_000)]
    assert len(list(runs(thinned(points, 100)))) == 2


@given(st.lists(floats | st.none(), max_size=300), floats | st.none())
def test_every_drawing_stays_inside_its_box(values, limit):
    drawing = draw(values, limit=limit)
    if drawing is None:
        return
    assert "nan" not in drawing.line
    for run in places(drawing.line):
        assert all(0 <= x <= 300 and 0 <= y <= 60 for x, y in run)


@given(floats, floats, floats)
def test_a_scale_is_never_lost_in_infinity(low, high, value):
    low, high = sorted([low, high])
    inside = min(max(value, low), high)
    assert math.isfinite(Scale(low, high, 0, 60)(inside))
