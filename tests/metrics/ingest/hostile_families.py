"""What a hostile or broken client pushes as protobuf: MetricFamily messages, for any parser of them."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.metrics.ingest.by_hand import NOW, family, field, varint
from tests.metrics.ingest.hostile import BOMBS, SCALARS, TEXTS, VALUES, altered, messages

NUMBERS = st.integers(1, 15)
NUMBER, SUMMARY, HISTOGRAM = (2, 3, 5), 4, 7
"""Fields of a Metric; those of numbers are three."""


def _joined(fields: st.SearchStrategy[bytes], most: int = 4) -> st.SearchStrategy[bytes]:
    return st.lists(fields, max_size=most).map(b"".join)


def _labels() -> st.SearchStrategy[bytes]:
    label = st.builds(lambda name, value: field(1, name) + field(2, value), TEXTS, TEXTS)
    return _joined(st.builds(field, st.just(1), st.one_of(label, label, messages())), 3)


def _numbers() -> st.SearchStrategy[bytes]:
    return st.builds(lambda at, value: field(at, field(1, value)), st.sampled_from(NUMBER), VALUES)


def _parts(at: int) -> st.SearchStrategy[bytes]:
    """A summary or a histogram: a count, a sum, and pairs of numbers."""
    pair = st.builds(lambda one, two: field(1, one) + field(2, two), st.one_of(VALUES, st.integers(0)), VALUES)
    parts = _joined(st.builds(field, st.just(3), st.one_of(pair, messages())))
    counts = st.builds(lambda count, total: field(1, count) + field(2, total), st.integers(0, 2**64 - 1), VALUES)
    floating = st.one_of(st.just(b""), st.builds(field, st.just(9), VALUES))
    return st.builds(lambda *said: field(at, b"".join(said)), counts, parts, floating)


def _metrics() -> st.SearchStrategy[bytes]:
    said = st.one_of(_numbers(), _parts(SUMMARY), _parts(HISTOGRAM), st.builds(field, NUMBERS, SCALARS), messages())
    timed = st.sampled_from([b"", b"", b"", field(6, NOW)])
    return st.builds(lambda *parts: b"".join(parts), _labels(), said, timed)


def _families() -> st.SearchStrategy[bytes]:
    names = st.one_of(st.sampled_from(["a", "b_total", "c_seconds", "push_time_seconds"]), TEXTS)
    distinct = st.text("abcé", min_size=1, max_size=8)
    right = st.one_of(
        st.builds(lambda name, value: family(name, 1, field(2, field(1, value))), distinct, VALUES),
        st.builds(family, distinct, st.just(2), _parts(SUMMARY)),
        st.builds(family, distinct, st.just(4), _parts(HISTOGRAM)),
    )
    odd = st.builds(_family, names, st.integers(-1, 7), st.lists(_metrics(), max_size=3), TEXTS, TEXTS)
    strange = st.one_of(messages(), BOMBS).map(lambda message: varint(len(message)) + message)
    return st.one_of(right, right, right, odd, strange)


def _family(name: str, kind: int, metrics: list[bytes], text: str, unit: str) -> bytes:
    return family(name, kind, *metrics, text=text, unit=unit)


def family_bodies() -> st.SearchStrategy[bytes]:
    """Families that are nearly right, cut, altered, behind a length that lies, or no messages at all."""
    written = _joined(_families())
    lies = st.builds(lambda size, rest: varint(size) + rest, st.integers(0, 2**64 - 1), written)
    return st.one_of(written, written, altered(written), lies, st.binary(max_size=60))
