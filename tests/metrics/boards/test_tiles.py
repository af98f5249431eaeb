"""Tiles, and the verdict over them."""

from __future__ import annotations

import json

import pytest

from live.clock import from_ms
from metrics.boards.tiles import LATE_AFTER_S, Verdict, make_tile, sum_up, tile_part
from metrics.kpis.evaluation import NOTHING
from metrics.kpis.models import KPI
from tests.gates.css import BUILT
from tests.metrics.boards.arranging import NOW, a_tile
from tests.repository import ROOT


def test_a_tile_says_when_its_value_was_measured():
    tile = a_tile(1, 2)
    assert (tile.at, tile.at_ms) == (from_ms(NOW), NOW)


def test_a_tile_without_data_has_neither_value_nor_time_nor_drawing():
    tile = a_tile()
    assert (tile.status, tile.value, tile.at, tile.at_ms, tile.spark) == ("none", None, None, 0, None)


def test_a_stale_tile_says_since_when():
    tile = a_tile(1, 2, now=NOW + 60_000)
    assert (tile.status, tile.at) == ("stale", from_ms(NOW))


@pytest.mark.parametrize("value, kind, limit", [(85, "warn", 80), (99, "crit", 95)])
def test_the_drawing_shows_the_limit_that_the_value_is_beyond(value, kind, limit):
    tile = a_tile(1, value, warn=80, critical=95)
    assert (tile.status, tile.limit, tile.limit_above) == (kind, limit, True)
    assert 6.0 <= tile.spark.limit_y <= 54.0


def test_a_calm_tile_shows_no_limit():
    tile = a_tile(1, 2, warn=80)
    assert (tile.limit, tile.spark.limit_y) == (None, None)


def test_the_drawing_of_a_stale_tile_ends_before_the_edge():
    assert a_tile(1, 2).spark.line.rpartition("L")[2].startswith("300.0")
    assert a_tile(1, 2, now=NOW + 60_000).spark.line.rpartition("L")[2].startswith("240.0")


@pytest.mark.parametrize(
    "interval_ms, late",
    [
        (1_000, ""),
        (4_000, ""),
        (4_001, "late-60"),
        (19_000, "late-60"),
        (19_001, "late-300"),
        (99_000, "late-300"),
        (99_001, "late-3600"),
        (300_001, "late-3600"),
        (1_199_000, "late-3600"),
        (1_199_001, "late-3600"),
    ],
)
def test_the_page_gives_a_time_longer_than_the_server_does(interval_ms, late):
    assert a_tile(1, 2, interval_ms=interval_ms).late == late


def test_a_value_that_came_once_is_late_soon():
    assert a_tile(1, interval_ms=None).late == ""


@pytest.mark.parametrize("patience_s, late", [(12, ""), (13, "late-60"), (297, "late-300"), (298, "late-3600")])
def test_the_page_follows_the_patience_that_a_kpi_was_given(patience_s, late):
    assert a_tile(1, 2, stale_after_s=patience_s).late == late


def test_the_style_sheet_waits_as_long_as_the_classes_say():
    styles = (ROOT / BUILT).read_text()
    assert f"late 1ms linear {LATE_AFTER_S['']}s forwards" in styles
    for name, seconds in LATE_AFTER_S.items():
        assert not name or f".{name}{{animation-delay:{seconds}s}}" in styles


def test_programs_get_the_same_as_json():
    part = tile_part(a_tile(1, 2, unit="kg"))
    assert json.loads(json.dumps(part.event)) == {
        "type": "tile",
        "kpi": "orders",
        "value": 2.0,
        "unit": "kg",
        "status": "ok",
        "at": "2026-11-20T06:00:00.000Z",
    }
    nothing = tile_part(a_tile()).event
    assert nothing is not None
    assert nothing["at"] is None


def test_a_part_is_named_for_its_kpi():
    assert tile_part(a_tile(slug="error-rate")).id == "tile-error-rate"


def test_two_readings_of_the_same_samples_are_equal():
    """Parts are compared to learn what has changed."""
    assert tile_part(a_tile(1, 2, now=NOW)) == tile_part(a_tile(1, 2, now=NOW + 100))
    assert tile_part(a_tile(1, 2)) != tile_part(a_tile(1, 3))


def test_the_verdict_counts_and_names_the_first_of_the_worst():
    tiles = [a_tile(1, 2, name=name, warn=80, critical=95) for name in ("A", "B")]
    tiles += [a_tile(1, 99, name="C", critical=95), a_tile(1, 99, name="D", critical=95)]
    tiles += [a_tile(1, 85, name="E", warn=80), a_tile(name="F"), a_tile(1, 2, name="G", now=NOW + 60_000)]
    verdict = sum_up(tiles)
    assert verdict == Verdict(crit=2, warn=1, stale=1, none=1, ok=2, worst_status="crit", worst_name="C")
    assert verdict.total == 7


@pytest.mark.parametrize(
    "values, fields, status", [([1, 85], {"warn": 80}, "warn"), ([], {}, "none"), ([1, 2], {}, "ok")]
)
def test_the_worst_status_is_that_of_the_worst_tile(values, fields, status):
    assert sum_up([a_tile(*values, **fields), a_tile(1, 2)]).worst_status == status


def test_no_tiles_have_no_verdict():
    assert sum_up([]) == Verdict()


def test_an_evaluation_of_nothing_makes_a_tile():
    assert make_tile(KPI(slug="a", name="A", metric="a"), NOTHING).series == 0
