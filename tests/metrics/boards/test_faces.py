"""What a tile says: words, figures and times in the reader's language and zone, as HTML."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone, translation

from live.clock import from_ms
from live.push.rendering import print_part, render
from live.push.topics import View
from metrics.boards.faces import face
from metrics.boards.tiles import tile_part
from tests.metrics.boards.arranging import NOW, a_tile

NB = "\N{NO-BREAK SPACE}"
BERLIN = "Europe/Berlin"
LATE_ENOUGH = NOW + 60_000


def html(tile, language="en", zone="UTC"):
    """The fragment with white space as a browser shows it."""
    return re.sub("[ \n]+", " ", render(tile_part(tile), View(language, zone)))


def words(tile, language="en", zone="UTC"):
    """What is to be read of it."""
    return re.sub("[ \n]+", " ", re.sub("<[^>]*>", " ", html(tile, language, zone))).strip()


# In each state


def test_a_calm_tile():
    tile = a_tile(100, *[100] * 59, 104.2, unit="/s", polarity="up_good")
    assert words(tile) == f"Orders 104 /s +4.2{NB}% OK 06:00:00"
    printed = html(tile)
    assert '<article id="tile-orders" class="tile tile-ok">' in printed
    assert '<h3 class="tile-title" title="Orders">Orders</h3>' in printed
    assert '<span class="tile-value ">104</span> <span class="text-xs text-muted">/s</span>' in printed
    assert '<span class="delta delta-good">' in printed
    assert [icon in printed for icon in ('href="#i-up"', 'href="#i-ok"')] == [True, True]
    assert f'<path class="area" d="{tile.spark.area}" />' in printed
    assert f'<path class="line" vector-effect="non-scaling-stroke" d="{tile.spark.line}" />' in printed
    assert 'role="img" aria-label="The last 60 values"' in printed
    assert 'id="tile-orders-at-1795154400000" class="tile-age late " datetime="2026-11-20T06:00:00+00:00"' in printed
    assert "clip" not in printed


@pytest.mark.parametrize("value, status, word, limit", [(85, "warn", "Warning", 80), (99, "crit", "Critical", 95)])
def test_a_tile_beyond_a_limit(value, status, word, limit):
    tile = a_tile(1, value, warn=80, critical=95, unit="ms")
    assert words(tile) == f"Orders {value} ms {word} above {limit}{NB}ms 06:00:00"
    printed, y = html(tile), tile.spark.limit_y
    assert f'<span class="st st-{status}">' in printed
    assert f'<rect y="-100" width="300" height="100" transform="translate(0 {y})" />' in printed
    assert f'<path id="area-orders" d="{tile.spark.area}" />' in printed
    assert f'<use class="area-{status}" href="#area-orders" />' in printed
    assert f'<use class="line line-{status}" href="#line-orders" />' in printed
    assert f'class="limit limit-{status}" vector-effect="non-scaling-stroke" d="M0 {y}H300"' in printed
    assert 'clip-path="url(#beyond-orders)"' in printed


def test_a_tile_below_a_limit_has_no_area_beyond_it():
    tile = a_tile(10, 1, unit="%", critical=5, direction="below")
    assert f"below 5{NB}%" in words(tile)
    assert "<rect width=" in html(tile).replace("<rect  ", "<rect ")
    assert "area-crit" not in html(tile)


def test_a_stale_tile():
    tile = a_tile(1, 2, now=LATE_ENOUGH)
    assert words(tile) == "Orders 2 Stale since 06:00:00 no data no data since 06:00:00"
    assert 'datetime="2026-11-20T06:00:00+00:00" aria-hidden="true"' in html(tile)
    assert "tile-age" not in html(tile)


def test_a_tile_without_data():
    tile = a_tile()
    assert words(tile) == "Orders – No data no sample yet"
    assert '<span class="tile-value" aria-hidden="true">–</span>' in html(tile)
    assert [absent in html(tile) for absent in ("spark", "<time", "delta")] == [False] * 3


@pytest.mark.parametrize("tracks, shown", [(1, False), (2, True)])
def test_a_sum_is_told(tracks, shown):
    assert (f"Σ {tracks} sum of {tracks} series" in words(a_tile(1, 2, tracks=tracks))) is shown


def test_zero_is_a_value():
    assert words(a_tile(0, 0)).startswith("Orders 0 ")


# Figures


def test_bytes_are_scaled_in_value_and_limit():
    tile = a_tile(1_000_000, *[2_000_000] * 60, 12_345_678_901, unit="B", warn=2e9)
    shown = face(tile)
    assert (shown["figure"], shown["unit"], shown["limit"]) == ("12.3", "GB", f"above 2{NB}GB")


@pytest.mark.parametrize("value, size", [(999_999_999, "long"), (99_999_999, "long"), (9_999_999, "")])
def test_a_long_value_is_printed_smaller(value, size):
    assert f'class="tile-value {size}"' in html(a_tile(1, value))


# Language and zone


def test_every_word_is_in_the_readers_language():
    calm = a_tile(100, *[100] * 59, 1084.2, unit="B", tracks=2)
    assert words(calm, "ru") == f"Orders 2,17 кБ +984{NB}% Норма Σ 2 сумма 2 рядов 06:00:00"
    assert "Последние 60 значений" in html(calm, "ru")
    assert words(a_tile(1, 85.5, warn=80, unit="s"), "ru") == f"Orders 85,5 с Внимание выше 80{NB}с 06:00:00"
    assert words(a_tile(1, 2, now=LATE_ENOUGH), "ru").endswith("с 06:00:00 нет данных нет данных с 06:00:00")
    assert words(a_tile(), "ru") == "Orders – Нет данных ждём данные"


def test_a_language_does_not_see_what_another_one_remembered():
    tile = a_tile(1, 85, warn=80, unit="s", tracks=1)
    assert [words(tile, language) for language in ("en", "ru", "en")] == [
        f"Orders 85 s Warning above 80{NB}s 06:00:00",
        f"Orders 85 с Внимание выше 80{NB}с 06:00:00",
        f"Orders 85 s Warning above 80{NB}s 06:00:00",
    ]


def test_words_are_english_while_translations_are_switched_off():
    with translation.override(None):
        assert face(a_tile(1, 2))["word"] == "OK"


@pytest.mark.parametrize("zone, time", [("UTC", "06:00:00"), (BERLIN, "07:00:00"), ("Asia/Kolkata", "11:30:00")])
def test_times_are_in_the_readers_zone(zone, time):
    assert words(a_tile(1, 2), zone=zone).endswith(time)
    assert f"since {time}" in words(a_tile(1, 2, now=LATE_ENOUGH), zone=zone)


def test_a_time_is_told_to_the_second_whatever_comes_after_it():
    with timezone.override(BERLIN):
        shown = face(a_tile(1, 2))
    assert (shown["age"], shown["at"]) == ("07:00:00", from_ms(NOW).isoformat())


# Safety


def test_whatever_people_wrote_is_escaped_once():
    hostile = "<b>&amp;\"'"
    escaped = "&lt;b&gt;&amp;amp;&quot;&#x27;"
    for tile in (a_tile(1, 85, name=hostile, unit=hostile, warn=80), a_tile(1, 2, name=hostile, unit=hostile)):
        for _again in range(2):
            printed = html(tile)
            assert hostile not in printed
            assert "<b>" not in printed
            assert f'title="{escaped}">{escaped}</h3>' in printed
            assert f">{escaped}</span>" in printed


def test_the_template_escapes_what_is_not_escaped_yet(monkeypatch):
    tile = a_tile(1, 2)
    monkeypatch.setattr("metrics.boards.faces.number", lambda *_args, **_options: "<b>")
    assert "&lt;b&gt;" in html(tile)
    assert "<b>" not in html(tile)


def test_what_a_tile_does_not_have_is_not_shown():
    assert face(a_tile())["figure"] == ""
    assert "figure" not in face(a_tile())


def test_a_page_prints_what_a_push_does():
    part = tile_part(a_tile(1, 85, warn=80))
    with translation.override("ru"), timezone.override(BERLIN):
        assert print_part(part).strip() == render(part, View("ru", BERLIN))
