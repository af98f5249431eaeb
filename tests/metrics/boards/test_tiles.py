"""Tiles, and the verdict over them."""

from __future__ import annotations

import json

import pytest
from django.utils import translation

from live.clock import from_ms
from metrics.boards.tiles import Verdict, make_tile, sum_up, tile_part
from metrics.kpis.evaluation import NOTHING, evaluate
from metrics.kpis.lines import Track
from metrics.kpis.models import KPI
from metrics.templatetags.metrics import change, figure, limit_words, size, unit

NOW = 1_795_154_400_000


def a_tile(*values, now=NOW, interval_ms=1_000, **fields):
    kpi = KPI(**{"slug": "orders", "name": "Orders", "metric": "orders"} | fields)
    times = [NOW - n * interval_ms for n in reversed(range(len(values)))]
    track = Track(list(zip(times, map(float, values), strict=True)), interval_ms)
    return make_tile(kpi, evaluate(kpi, [track] if values else [], now))


def test_a_tile_says_when_its_value_was_measured():
    tile = a_tile(1, 2)
    assert (tile.at, tile.at_ms) == (from_ms(NOW), NOW)


def test_a_tile_without_data_has_neither_value_nor_time_nor_drawing():
    tile = a_tile()
    assert (tile.status, tile.value, tile.at, tile.at_ms, tile.spark) == ("none", None, None, 0, None)


def test_a_stale_tile_says_since_when():
    assert a_tile(1, 2, now=NOW + 60_000).stale_since == from_ms(NOW)


@pytest.mark.parametrize("value, kind, limit", [(85, "warn", 80), (99, "crit", 95)])
def test_the_drawing_shows_the_limit_that_the_value_is_beyond(value, kind, limit):
    tile = a_tile(1, value, warn=80, critical=95)
    assert (tile.spark.limit_kind, tile.limit, tile.spark.limit_above) == (kind, limit, True)
    assert 6.0 <= tile.spark.limit_y <= 54.0


def test_a_calm_tile_shows_no_limit():
    tile = a_tile(1, 2, warn=80)
    assert (tile.limit, tile.spark.limit_y) == (None, None)


def test_the_drawing_of_a_stale_tile_ends_before_the_edge():
    assert a_tile(1, 2).spark.line.rpartition("L")[2].startswith("300.0")
    assert a_tile(1, 2, now=NOW + 60_000).spark.line.rpartition("L")[2].startswith("240.0")


@pytest.mark.parametrize(
    "interval_ms, late",
    [(1_000, ""), (4_000, ""), (4_001, "late-60"), (19_000, "late-60"), (19_001, "late-300"), (3_600_000, "late-300")],
)
def test_the_page_gives_a_time_longer_than_the_server_does(interval_ms, late):
    assert a_tile(1, 2, interval_ms=interval_ms).late == late


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


def test_filters_print_what_the_reader_sees():
    tile = a_tile(1_000_000, *[2_000_000] * 60, 12_345_678_901, unit="B", warn=2e9)
    assert (figure(tile), unit(tile), size(tile)) == ("12.3", "GB", "")
    assert limit_words(tile) == "above 2\N{NO-BREAK SPACE}GB"
    assert change(tile.change).startswith("+")
    with translation.override("ru"):
        assert (figure(tile), unit(tile)) == ("12,3", "ГБ")


@pytest.mark.parametrize("value, expected", [(999_999_999, "long"), (99_999_999, "long"), (9_999_999, "")])
def test_a_long_value_is_printed_smaller(value, expected):
    assert size(a_tile(1, value)) == expected


def test_a_limit_from_below_is_told_so_and_no_limit_is_not_told():
    assert limit_words(a_tile(10, 1, unit="%", critical=5, direction="below")) == "below 5\N{NO-BREAK SPACE}%"
    assert limit_words(a_tile(1, 2)) == ""


def test_an_evaluation_of_nothing_makes_a_tile():
    assert make_tile(KPI(slug="a", name="A", metric="a"), NOTHING).series == 0
