"""A reading: one number on its way into the database, and the identity of the series that it belongs to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import NamedTuple

from metrics.recent import Recent

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


def weight(metric: str, labels: Labels) -> int:
    """Bytes that Python takes at most to remember a name and labels: some 2,900 with ten short labels."""
    texts = (metric, *(text for pair in labels for text in pair))
    return 300 + 70 * len(labels) + sum(80 + len(text) * (1 if text.isascii() else 4) for text in texts)


_keys: Recent[tuple[str, Labels], bytes] = Recent(32 * 1024 * 1024)


def series_key(metric: str, labels: Labels) -> bytes:
    """16 bytes of BLAKE2b over the name and the sorted labels.

    What was worked out lately is remembered, in at most 32 MiB whatever the lengths of names and labels: about 11,000
    series of ten labels.
    """
    key = _keys.get((metric, labels))
    if key is None:
        key = _digest(metric, labels)
        _keys.put((metric, labels), key, weight(metric, labels))
    return key


def _digest(metric: str, labels: Labels) -> bytes:
    spelled = json.dumps([metric, labels], ensure_ascii=False, separators=(",", ":"))
    return blake2b(spelled.encode(), digest_size=16).digest()
