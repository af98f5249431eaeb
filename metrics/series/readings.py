"""A reading: one number on its way into the database, and the identity of the series that it belongs to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

Labels = tuple[tuple[str, str], ...]
"""Pairs of name and value, sorted by name, without empty values."""


class Identity(NamedTuple):
    """What makes a series one. `source` is the source's id."""

    source: int
    metric: str
    labels: Labels = ()


class Reading(NamedTuple):
    """A number at a time: `ts` in epoch ms UTC, `value` finite.

    `unit`, `kind` (Series.Kind) and `help` describe the series when this reading is its first. With `is_delta` the
    value is what a counter grew by since the reading before; storing turns it into the counter's total.
    """

    identity: Identity
    ts: int
    value: float
    unit: str = ""
    kind: str = "unknown"
    help: str = ""
    is_delta: bool = False


def sorted_labels(labels: Mapping[str, str]) -> Labels:
    """An empty value counts as no label."""
    return tuple(sorted((name, value) for name, value in labels.items() if value))


@lru_cache(maxsize=50_000)
def series_key(metric: str, labels: Labels) -> bytes:
    """16 bytes of BLAKE2b over the name and the sorted labels."""
    spelled = json.dumps([metric, labels], ensure_ascii=False, separators=(",", ":"))
    return blake2b(spelled.encode(), digest_size=16).digest()
