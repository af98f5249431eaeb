"""Typed readers of environment variables. A bad value ends the start with a sentence that says what was expected."""

from __future__ import annotations

import os
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ImproperlyConfigured

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


def words(name: str, default: str = "") -> list[str]:
    """A list separated by commas."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def url(name: str, schemes: tuple[str, ...]) -> str:
    value = text(name)
    if not value or urlsplit(value).scheme in schemes:
        return value
    expected = " or ".join(f"{scheme}://" for scheme in schemes)
    raise ImproperlyConfigured(f"{name}: expected an address that starts with {expected}.")


def zone(name: str, default: str) -> str:
    value = text(name, default)
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError):
        raise ImproperlyConfigured(f"{name}={value!r}: expected a time zone such as Europe/Berlin.") from None
    return value
