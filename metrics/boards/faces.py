"""What a tile says to a reader: its words, figures and times in one language and one time zone.

A moving board prints each tile anew for every language and zone, so the language and the zone are looked up once per
tile, and words once per language. The template gets a dict, because Django's variables look for keys before attributes.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from django.utils.html import escape
from django.utils.timezone import get_current_timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from metrics.boards.tiles import Tile
from metrics.kpis.numbers import active_language, number, signed, unit_of, with_unit

LONG = 10
"""Characters from which on a value is printed smaller."""
RECURRING = (
    "slug",
    "name",
    "status",
    "word",
    "figure",
    "size",
    "unit",
    "change",
    "direction",
    "tone",
    "drawing",
    "late",
)
"""Texts that come again and again are escaped once. All others are escaped by the template, as ever."""


class Face(dict[str, str]):
    """What `templates/metrics/_tile.html` prints, by name. What a tile does not have is ""."""

    def __missing__(self, key: str) -> str:
        """Without this, a template takes several microseconds to find that a key is not there."""
        return ""


def face(tile: Tile) -> Face:
    """The tile in the active language and time zone."""
    language = active_language()
    words = _words(language)
    shown = Face(slug=tile.slug, name=tile.name, status=tile.status, word=words[tile.status])
    shown |= _figures(tile, language)
    shown |= _drawing(tile, words)
    shown |= _remark(tile, words, language)
    shown |= _age(tile, words)
    for name in RECURRING:
        shown[name] = _escaped(shown[name])
    return shown


def _figures(tile: Tile, language: str) -> dict[str, str]:
    if tile.value is None:
        return {}
    figure = number(tile.value, tile.unit, tile.precision, language=language)
    shown = {
        "figure": figure,
        "size": "long" if len(figure) >= LONG else "",
        "unit": unit_of(tile.value, tile.unit, language=language),
    }
    if change := tile.change:
        shown["change"] = signed(change.amount, percent=change.percent, language=language)
        shown |= {"direction": change.direction, "tone": change.tone}
    return shown


def _drawing(tile: Tile, words: dict[str, str]) -> Face:
    spark = tile.spark
    if spark is None:
        return {}
    shown = {"line": spark.line, "area": spark.area, "drawing": words["drawing"]}
    if spark.limit_y is not None:
        shown |= {"limit_y": str(spark.limit_y), "above": "above" if tile.limit_above else ""}
    return shown


def _remark(tile: Tile, words: dict[str, str], language: str) -> dict[str, str]:
    shown = {}
    if tile.status == "none":
        shown["waiting"] = words["waiting"]
    if tile.limit is not None:
        shown["limit"] = _beyond(language, tile.limit, tile.unit, tile.limit_above)
    if tile.series > 1:
        shown |= {"series": str(tile.series), "sum": _sum(language, tile.series)}
    return shown


def _age(tile: Tile, words: dict[str, str]) -> dict[str, str]:
    if tile.status == "stale" and tile.stale_since:
        time = _clock(tile.stale_since)
        since = {name: words[name] % {"time": time} for name in ("since", "silent")}
        return since | {"silence": words["silence"], "at": tile.stale_since.isoformat()}
    if tile.at:
        return {"age": _clock(tile.at), "at": tile.at.isoformat(), "at_ms": str(tile.at_ms), "late": tile.late}
    return {}


def _clock(at: datetime) -> str:
    """Hours, minutes and seconds in the active time zone, which all our languages write alike."""
    return at.astimezone(get_current_timezone()).time().isoformat("seconds")


_escaped = lru_cache(maxsize=8192)(escape)


@lru_cache(maxsize=64)
def _words(language: str) -> dict[str, str]:
    with override(language):
        return {
            "ok": _("OK"),
            "warn": _("Warning"),
            "crit": _("Critical"),
            "stale": _("Stale"),
            "none": _("No data"),
            "drawing": _("The last 60 values"),
            "waiting": _("no sample yet"),
            "since": _("since %(time)s"),
            "silence": _("no data"),
            "silent": _("no data since %(time)s"),
        }


@lru_cache(maxsize=1024)
def _beyond(language: str, limit: float, unit: str, above: bool) -> str:
    """Such as "above 300 ms"."""
    with override(language):
        words = _("above %(limit)s") if above else _("below %(limit)s")
        return words % {"limit": with_unit(limit, unit, language=language)}


@lru_cache(maxsize=1024)
def _sum(language: str, count: int) -> str:
    with override(language):
        return ngettext("sum of %(n)s series", "sum of %(n)s series", count) % {"n": count}
