"""Numbers and units as a language writes them. Plain values in, text out; the active language is the default.

Everything is remembered: the same value is printed for every view and for several places of a tile.
"""

from __future__ import annotations

import math
from decimal import Decimal
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.numbers import get_decimal_symbol, get_group_symbol, parse_pattern
from babel.units import format_unit
from django.utils.translation import get_language, override, pgettext, pgettext_lazy, to_locale

MISSING = "–"
MINUS = "−"
NO_BREAK = "\N{NO-BREAK SPACE}"
FIGURES = 3
MOST_PLACES = 9
MOST_PERCENT = 999
HUGE, TINY = 1e15, 1e-9
"""From here on, and below this, numbers are written as powers of ten."""

POWER_OF_TEN = parse_pattern("0.##E0")

BYTES = ("byte", "kilobyte", "megabyte", "gigabyte", "terabyte", "petabyte")
STEP = 1000
SCALED = {"B", "By", "B/s", "By/s"}
"""Bytes are scaled to kB, MB, GB; "By" is how OpenTelemetry writes them."""
WORDS = {
    "B": pgettext_lazy("unit", "B"),
    "s": pgettext_lazy("unit", "s"),
    "ms": pgettext_lazy("unit", "ms"),
    "min": pgettext_lazy("unit", "min"),
    "h": pgettext_lazy("unit", "h"),
}
"""Units that languages abbreviate differently; all others are printed as they are."""


def active_language() -> str:
    return get_language() or "en"


def number(value: float | None, unit: str = "", precision: int | None = None, *, language: str | None = None) -> str:
    """The value without its unit; "–" where there is none. Without `precision` it has three significant figures."""
    return MISSING if value is None else _number(language or active_language(), value, unit in SCALED, precision)


def unit_of(value: float | None, unit: str, *, language: str | None = None) -> str:
    """The unit that goes with `number`; "" where there is no value."""
    if value is None:
        return ""
    return _unit(language or active_language(), _power(value) if unit in SCALED else 0, unit)


def with_unit(value: float, unit: str, *, language: str | None = None) -> str:
    """Both in one, such as "300 ms"."""
    return NO_BREAK.join(
        filter(None, [number(value, unit, language=language), unit_of(value, unit, language=language)])
    )


def signed(amount: float, *, percent: bool, language: str | None = None) -> str:
    """A change: with a sign, one decimal place below ten, and a percent sign where it is a share.

    Beyond ten times as much a share says nothing more, as when a value was next to nothing a minute ago.
    """
    if percent and abs(amount) > MOST_PERCENT:
        return f"{'>' if amount > 0 else f'<{MINUS}'}{MOST_PERCENT}{NO_BREAK}%"
    text = _signed(language or active_language(), round(amount, 1 if abs(amount) < 9.95 else 0))
    return f"{text}{NO_BREAK}%" if percent else text


@lru_cache(maxsize=8192)
def _number(language: str, value: float, scaled: bool, precision: int | None) -> str:
    if scaled:
        value /= STEP ** _power(value)
    if value and not TINY <= abs(value) < HUGE:
        return _power_of_ten(language, value)
    if precision is not None:
        return _decimal(language, value, precision)
    text = _decimal(language, value, places := _places(value))
    return text.rstrip("0").rstrip(_signs(language)[ord(".")]) if places else text


@lru_cache(maxsize=1024)
def _unit(language: str, power: int, unit: str) -> str:
    name, slash, time = unit.rpartition("/")
    with override(language):
        if slash and time == "s":
            return pgettext("unit", "%(unit)s/s") % {"unit": "" if name == "1" else _unit(language, power, name)}
        if power:
            return _unit_name(language, f"digital-{BYTES[power]}")
        return str(WORDS.get("B" if unit in SCALED else unit, unit))


@lru_cache(maxsize=1024)
def _signed(language: str, amount: float) -> str:
    text = _decimal(language, amount, 1 if abs(amount) < 10 else 0)
    return f"+{text}" if amount > 0 else text


def _unit_name(language: str, unit: str) -> str:
    return format_unit(1, unit, length="short", locale=_locale(language)).lstrip("1").strip()


def _power(value: float) -> int:
    """How many times a thousand fits, after rounding to what is shown: 999,999 bytes are 1 MB, not 1,000 kB."""
    shown = abs(value)
    for power in range(len(BYTES) - 1):
        if shown < STEP - 0.5:
            return power
        shown /= STEP
    return len(BYTES) - 1


def _places(value: float) -> int:
    """Decimal places that leave three significant figures."""
    if not value:
        return 0
    return min(max(0, FIGURES - 1 - math.floor(math.log10(abs(value)))), MOST_PLACES)


def _decimal(language: str, value: float, places: int) -> str:
    """As Babel writes it with the pattern "#,##0.00", at a tenth of the time: new values come all the time."""
    return f"{Decimal(repr(value)):z,.{places}f}".translate(_signs(language))


def _power_of_ten(language: str, value: float) -> str:
    return POWER_OF_TEN.apply(value, _locale(language)).replace("-", MINUS)


@lru_cache(maxsize=64)
def _signs(language: str) -> dict[int, str]:
    """What stands in the language for the signs of Python's numbers, for `str.translate`."""
    locale = _locale(language)
    # A hyphen is narrower than a figure; the minus keeps columns in line.
    return {ord(","): get_group_symbol(locale), ord("."): get_decimal_symbol(locale), ord("-"): MINUS}


@lru_cache(maxsize=64)
def _locale(language: str) -> Locale:
    try:
        return Locale.parse(to_locale(language))
    except (UnknownLocaleError, ValueError):
        return Locale("en")
