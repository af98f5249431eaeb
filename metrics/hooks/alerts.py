"""What a webhook tells of, whoever sent it: an alert that fires or has ended, in the words of an announcement."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from live.announcements.models import Announcement

Severity = Announcement.Severity

TITLE, TEXT, FINGERPRINT = 80, 2_000, 200
"""How many characters each may have."""
SEVERITIES = {
    **dict.fromkeys(("info", "information", "informational", "notice", "low", "debug", "none", "ok"), Severity.INFO),
    **dict.fromkeys(("warning", "warn", "minor", "medium", "moderate", "average"), Severity.WARNING),
    **dict.fromkeys(("critical", "crit", "error", "err", "major", "high", "urgent", "page"), Severity.CRITICAL),
    **dict.fromkeys(("fatal", "emergency", "emerg", "alert", "disaster", "severe"), Severity.CRITICAL),
    **dict.fromkeys(("p1", "sev1", "p2", "sev2"), Severity.CRITICAL),
    **dict.fromkeys(("p3", "sev3"), Severity.WARNING),
    **dict.fromkeys(("p4", "sev4", "p5", "sev5"), Severity.INFO),
}
# Line ends apart, what no database and no page can hold, and what turns the direction of the text after it.
UNFIT = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
LONG_AGO = 2000
"""Alertmanager writes the year 1 for a time that is not known."""


@dataclass(frozen=True, slots=True)
class Alert:
    """`fingerprint` is the same each time that the alert is told of. `since` is when it began to fire, if known."""

    fingerprint: str
    fires: bool
    title: str
    text: str = ""
    severity: str = Severity.WARNING
    since: datetime | None = None


def fit(text: str, longest: int) -> str:
    """The text without what cannot be shown, and with … where it had to be cut."""
    fitting = UNFIT.sub(" ", text[: 4 * longest].replace("\r\n", "\n")).strip()
    return fitting if len(fitting) <= longest else f"{fitting[: longest - 1].rstrip()}…"


def fit_title(*candidates: str) -> str:
    """The first that says anything, on one line; "" when none does."""
    lines = (" ".join(fit(candidate, 4 * TITLE).split()) for candidate in candidates)
    return next((fit(line, TITLE) for line in lines if line), "")


def fit_text(*paragraphs: str) -> str:
    """Those that say anything, one below the other."""
    return fit("\n".join(filter(None, (fit(paragraph, TEXT) for paragraph in paragraphs))), TEXT)


def fit_fingerprint(*parts: str) -> str:
    """The parts as one text; a digest of it where that is no plain short word."""
    joined = "/".join(parts)
    if len(joined) <= FINGERPRINT and joined.isascii() and joined.isprintable():
        return joined
    return blake2b(joined.encode("utf-8", "backslashreplace"), digest_size=16).hexdigest()


def severity(word: object, otherwise: Severity) -> Severity:
    return SEVERITIES.get(str(word).strip().lower(), otherwise)


def time_of(text: object) -> datetime | None:
    """A time of RFC 3339; None when it is none, or one that stands for none."""
    if not isinstance(text, str):
        return None
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC) if at.tzinfo and at.year > LONG_AGO else None
    except (ValueError, OverflowError):
        return None


def texts(document: Any) -> dict[str, str]:
    """The entries of an object that are texts or numbers, as texts; none when it is no object."""
    if not isinstance(document, Mapping):
        return {}
    return {name: scalar(value) for name, value in document.items() if is_scalar(value)}


def is_scalar(value: object) -> bool:
    return isinstance(value, str | int | float)


def scalar(value: Any) -> str:
    """A text or a number as people read it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def listed(pairs: Iterable[tuple[str, str]]) -> str:
    """Names and values on one line."""
    return " · ".join(f"{name}: {value}" for name, value in pairs if value)
