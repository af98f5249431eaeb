"""Typed readers of environment variables. A bad value ends the start with a sentence that says what was expected."""

from __future__ import annotations

import os
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ImproperlyConfigured

UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800, "y": 31_536_000}
TRUE, FALSE = {"1", "true", "yes", "on"}, {"", "0", "false", "no", "off"}


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def flag(name: str, default: bool = False) -> bool:
    value = text(name, "1" if default else "0").lower()
    if value in TRUE or value in FALSE:
        return value in TRUE
    raise ImproperlyConfigured(f"{name}={value!r}: expected 1 or 0.")


def whole(name: str, default: int, *, low: int = 0, high: int = 10**9) -> int:
    value = text(name, str(default))
    if value.isascii() and value.isdigit() and low <= int(value) <= high:
        return int(value)
    raise ImproperlyConfigured(f"{name}={value!r}: expected a whole number from {low} to {high}.")


def duration(name: str, default: str, *, low: str, high: str) -> int:
    """A length of time such as 90m, 24h, 7d or 2y, in ms."""
    value = text(name, default)
    ms = _ms(value)
    if ms is not None and (_ms(low) or 0) <= ms <= (_ms(high) or 0):
        return ms
    raise ImproperlyConfigured(f"{name}={value!r}: expected a time from {low} to {high}, such as 90m, 24h, 7d or 2y.")


def words(name: str, default: str = "") -> list[str]:
    """A list separated by commas."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def url(name: str, schemes: tuple[str, ...]) -> str:
    value = text(name)
    if not value or urlsplit(value).scheme in schemes:
        return value
    expected = " or ".join(f"{scheme}://" for scheme in schemes)
    raise ImproperlyConfigured(f"{name}: expected an address that starts with {expected}.")


def urls(prefix: str, suffix: str, schemes: tuple[str, ...]) -> dict[str, str]:
    """Addresses by what stands between prefix and suffix, in lower case: DATABASES_SHOP_URL is "shop"."""
    names = sorted(name for name in os.environ if name.startswith(prefix) and name.endswith(suffix))
    found = {name[len(prefix) : -len(suffix)].lower(): url(name, schemes) for name in names}
    return {name: address for name, address in found.items() if name and address}


def zone(name: str, default: str) -> str:
    value = text(name, default)
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError):
        raise ImproperlyConfigured(f"{name}={value!r}: expected a time zone such as Europe/Berlin.") from None
    return value


def _ms(value: str) -> int | None:
    number, unit = value[:-1], value[-1:]
    fits = number.isascii() and number.isdigit() and len(number) < 10 and unit in UNITS_S
    return int(number) * UNITS_S[unit] * 1000 if fits else None
