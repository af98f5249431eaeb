"""What a hostile or broken sender writes: bodies of JSON samples, as strategies."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from tests.metrics.ingest.by_hand import NOW

TEXTS = st.one_of(
    st.sampled_from(["", " ", "orders", "a\0b", "\ud800", "x" * 300, "y" * 2_000, "é漢😀", "\u202e", "<b>"]),
    st.text(max_size=8),
)
NUMBERS = st.one_of(st.floats(), st.integers(), st.integers(-(10**400), 10**400), st.booleans(), st.none(), TEXTS)
SECONDS = st.integers(NOW // 1000 - 90_000, NOW // 1000 + 1_000)
TIMES = st.one_of(SECONDS, SECONDS.map(str), NUMBERS, st.sampled_from(["2026-11-20T06:00:00Z", "2026-11-20", "12:00"]))
ANYTHING = st.recursive(
    NUMBERS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=12
)
LABELS = st.one_of(st.dictionaries(TEXTS, TEXTS | NUMBERS, max_size=4), ANYTHING)
SAMPLES = st.fixed_dictionaries(
    {},
    optional={
        "metric": TEXTS | ANYTHING,
        "value": NUMBERS | ANYTHING,
        "ts": TIMES | ANYTHING,
        "labels": LABELS,
        "kind": TEXTS,
        "unit": TEXTS,
        "other": ANYTHING,
    },
)
GOOD = st.fixed_dictionaries({"metric": st.just("orders"), "value": st.integers(0, 9), "ts": SECONDS})
DEEP = st.sampled_from(
    [
        b"[" * 100_000,
        b'{"metric":' * 50_000,
        b'{"metric":"a","value":' + b"9" * 5_000 + b"}",
        b"\xff",
        b"",
        b"\xef\xbb\xbf{}",
    ]
)


def json_bodies() -> st.SearchStrategy[bytes]:
    """JSON that is nearly right or quite wrong, with bytes cut or replaced, and what is no JSON."""
    documents: st.SearchStrategy[Any] = st.one_of(
        SAMPLES, st.lists(SAMPLES | GOOD, max_size=4), st.lists(GOOD, max_size=4), ANYTHING
    )
    written = documents.map(json.dumps).map(str.encode)
    altered = st.builds(_altered, written, st.integers(0, 200), st.integers(0, 9), st.binary(max_size=4))
    return st.one_of(written, written, altered, DEEP, st.binary(max_size=60))


def _altered(body: bytes, at: int, gone: int, instead: bytes) -> bytes:
    at %= len(body) + 1
    return body[:at] + instead + body[at + gone :]
