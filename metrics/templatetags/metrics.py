"""How a tile's numbers are printed, in the active language."""

from __future__ import annotations

from django import template
from django.utils.translation import gettext as _

from metrics.boards.tiles import Tile
from metrics.kpis.evaluation import Change
from metrics.kpis.numbers import number, signed, unit_of, with_unit

LONG = 10
"""Characters from which on a value is printed smaller."""

register = template.Library()


@register.filter
def figure(tile: Tile) -> str:
    """The value without its unit; "–" where there is none."""
    return number(tile.value, tile.unit, tile.precision)


@register.filter
def unit(tile: Tile) -> str:
    return unit_of(tile.value, tile.unit)


@register.filter
def size(tile: Tile) -> str:
    return "long" if len(figure(tile)) >= LONG else ""


@register.filter
def change(change: Change) -> str:
    """Such as "+4.2 %", or "+4.3" in percentage points."""
    return signed(change.amount, percent=change.percent)


@register.filter
def limit_words(tile: Tile) -> str:
    """Such as "above 300 ms", for a value that is beyond a limit; else ""."""
    if tile.limit is None:
        return ""
    words = _("above %(limit)s") if tile.limit_above else _("below %(limit)s")
    return words % {"limit": with_unit(tile.limit, tile.unit)}
