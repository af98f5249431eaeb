"""Units as they are shown, from what senders write: UCUM (OpenTelemetry), Prometheus' words, and ends of names."""

from __future__ import annotations

import re
from functools import lru_cache

LONGEST = 32

UNITS = {
    # UCUM, https://ucum.org/ucum; a plain number has no unit.
    "1": "",
    "By": "B",
    "kBy": "kB",
    "MBy": "MB",
    "GBy": "GB",
    "TBy": "TB",
    "KiBy": "KiB",
    "MiBy": "MiB",
    "GiBy": "GiB",
    "TiBy": "TiB",
    "us": "µs",
    "mo": "month",
    "a": "year",
    "Cel": "°C",
    "[degF]": "°F",
    "Ohm": "Ω",
    # Prometheus' base units, and words that senders write instead of UCUM.
    "seconds": "s",
    "milliseconds": "ms",
    "microseconds": "µs",
    "nanoseconds": "ns",
    "minutes": "min",
    "hours": "h",
    "days": "d",
    "bytes": "B",
    "bits": "bit",
    "ratio": "",
    "percent": "%",
    "celsius": "°C",
    "volts": "V",
    "amperes": "A",
    "watts": "W",
    "joules": "J",
    "hertz": "Hz",
    "meters": "m",
    "grams": "g",
    "count": "",
    "none": "",
}
ANNOTATION = re.compile(r"\{[^{}]*\}")
# No blanks, no control characters, nothing that only a sentence has.
SYMBOL = re.compile(r"[\w%°µΩ\[\]/.*^-]+")
ENDS = ("seconds", "milliseconds", "microseconds", "bytes", "bits", "celsius", "volts", "amperes", "watts", "joules")
END = re.compile(rf"[_.]({'|'.join((*ENDS, 'hertz', 'meters', 'grams', 'percent'))})(_total|_sum)?\Z")


def shown_unit(text: str) -> str:
    """The unit as tiles write it; "" for a plain number, for an annotation ({request}), and for what is no unit."""
    # First, so that nobody fills the cache with long texts.
    return "" if len(text) > LONGEST else _shown(text)


@lru_cache(maxsize=1_000)
def _shown(text: str) -> str:
    over, slash, below = ANNOTATION.sub("", text.strip()).partition("/")
    if slash:
        return f"{_known(over) or '1'}/{_known(below)}" if _known(below) else _known(over)
    return _known(over)


def _known(word: str) -> str:
    if word in UNITS:
        return UNITS[word]
    return word if SYMBOL.fullmatch(word) else ""


def unit_in_name(metric: str) -> str:
    """What a name such as `http_request_duration_seconds_sum` says of its unit; "" when it says nothing."""
    found = END.search(metric)
    return UNITS[found[1]] if found else ""
