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
from metrics.kpis.evaluation import Change
from metrics.kpis.numbers import active_language, number, signed, unit_of, with_unit

LONG = 10
"""Characters from which on a value is printed smaller."""


class Face(dict[str, str]):
    """What `templates/metrics/_tile.html` prints, by name. What a tile does not have is ""."""

    def __missing__(self, key: str) -> str:
        # Django takes several microseconds to find that a key is not there.
        return ""


def face(tile: Tile) -> Face:
    """The tile in the active language and time zone."""
    language = active_language()
    words = _words(language)
    status = tile.status
    shown = Face(slug=_once(tile.slug), name=_once(tile.name), status=_once(status), word=words[status])
    if tile.value is not None:
        shown |= _figures(tile, tile.value, language)
    if tile.spark:
        shown |= {"line": tile.spark.line, "area": tile.spark.area, "drawing": words["drawing"]}
    if tile.limit is not None:
        shown |= _limit(tile, tile.limit, language)
    if tile.series > 1:
        shown |= {"series": str(tile.series), "sum": _sum(language, tile.series)}
    shown |= _age(tile, words)
    return shown


def _figures(tile: Tile, value: float, language: str) -> dict[str, str]:
    figure = number(value, tile.unit, tile.precision, language=language)
    shown = {
        "figure": figure,
        "size": _once("long" if len(figure) >= LONG else ""),
        "unit": _once(unit_of(value, tile.unit, language=language)),
    }
    return shown | _change(tile.change, language) if tile.change else shown


def _change(change: Change, language: str) -> dict[str, str]:
    amount = signed(change.amount, percent=change.percent, language=language)
    return {"change": amount, "direction": _once(change.direction), "tone": _once(change.tone)}


def _limit(tile: Tile, limit: float, language: str) -> dict[str, str]:
    return {
        "limit": _beyond(language, limit, tile.unit, tile.limit_above),
        "limit_y": _once(str(tile.spark.limit_y)) if tile.spark else "",
        "above": "above" if tile.limit_above else "",
    }


def _age(tile: Tile, words: dict[str, str]) -> dict[str, str]:
    if tile.at is None:
        return {"waiting": words["waiting"]}
    time, at = _clock(tile.at), tile.at.isoformat()
    if tile.status != "stale":
        return {"age": time, "at": at, "at_ms": str(tile.at_ms), "late": _once(tile.late)}
    since, silent = _("since %(time)s") % {"time": time}, _("no data since %(time)s") % {"time": time}
    return {"since": since, "silence": words["silence"], "silent": silent, "at": at}


def _clock(at: datetime) -> str:
    """Hours, minutes and seconds in the active time zone, which all our languages write alike."""
    return at.astimezone(get_current_timezone()).time().isoformat("seconds")


_once = lru_cache(maxsize=4096)(escape)
"""A text that comes again and again is escaped once. All that is not escaped here, the template escapes."""


@lru_cache(maxsize=64)
def _words(language: str) -> dict[str, str]:
    """Escaped, as all that is remembered here."""
    with override(language):
        return {
            "ok": escape(_("OK")),
            "warn": escape(_("Warning")),
            "crit": escape(_("Critical")),
            "stale": escape(_("Stale")),
            "none": escape(_("No data")),
            "drawing": escape(_("The last 60 values")),
            "waiting": escape(_("no sample yet")),
            "silence": escape(_("no data")),
        }


@lru_cache(maxsize=1024)
def _beyond(language: str, limit: float, unit: str, above: bool) -> str:
    """Such as "above 300 ms"."""
    with override(language):
        words = _("above %(limit)s") if above else _("below %(limit)s")
        return escape(words % {"limit": with_unit(limit, unit, language=language)})


@lru_cache(maxsize=1024)
def _sum(language: str, count: int) -> str:
    with override(language):
        return escape(ngettext("sum of %(n)s series", "sum of %(n)s series", count) % {"n": count})
