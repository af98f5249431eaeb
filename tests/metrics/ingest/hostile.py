"""What a hostile or broken sender writes: bodies for the parsers of remote_write and OTLP, as strategies.

Half of them are nearly right, so that they get past the first check: real requests that are cut, joined or altered,
and messages in which every field may hold what another one should.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from google.protobuf.json_format import MessageToJson
from hypothesis import strategies as st
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from tests.metrics.ingest.by_hand import NOW, STALE, Symbols, field, metadata, packed, sample, series, series_2, varint

TIMES = st.one_of(st.just(NOW), st.integers(NOW - 10**8, NOW + 10**7), st.integers(-(2**63), 2**63 - 1))
VALUES = st.one_of(st.floats(), st.just(STALE))
TEXTS = st.one_of(
    st.sampled_from(["", "__name__", "up", "job", "le", "x_total", "a\0b", "x" * 300, "y" * 9_000, "é漢😀", "\u202e"]),
    st.text(max_size=8),
)
SCALARS = st.one_of(st.integers(-(2**63), 2**64 - 1), st.floats(), st.binary(max_size=12), TEXTS)
BOMBS = st.sampled_from(
    [b"\x0a\x00" * 5_000, b"\x12\x00" * 5_000, b"\x3a\x00" * 5_000, b"\x0a\xff\xff\xff\xff\x7f", b"\x0b" * 50]
)


def _joined(fields: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.lists(fields, max_size=5).map(b"".join)


@cache
def messages() -> st.SearchStrategy[bytes]:
    """Protobuf that is well-formed, of any meaning."""
    leaves = st.builds(field, st.integers(1, 16), SCALARS)
    nested = st.recursive(
        _joined(leaves),
        lambda inner: _joined(st.one_of(leaves, st.builds(field, st.integers(1, 12), inner))),
        max_leaves=25,
    )
    return st.one_of(nested, BOMBS)


def altered(bodies: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Bodies with a few bytes cut, doubled or replaced."""
    return st.builds(_alter, bodies, st.integers(0, 2_000), st.integers(0, 40), st.binary(max_size=6))


def _alter(body: bytes, at: int, gone: int, instead: bytes) -> bytes:
    at %= len(body) + 1
    return body[:at] + instead + body[at + gone :]


@cache
def _sampled() -> st.SearchStrategy[bytes]:
    return st.one_of(st.builds(sample, VALUES, TIMES), messages())


def _time_series() -> st.SearchStrategy[bytes]:
    labels = st.lists(st.one_of(st.tuples(TEXTS, TEXTS), st.just(("__name__", "up"))), max_size=4)
    return st.builds(lambda pairs, samples: series(pairs, *samples), labels, st.lists(_sampled(), max_size=3))


def _requests() -> st.SearchStrategy[bytes]:
    said = st.builds(metadata, st.integers(-1, 9), TEXTS, TEXTS, TEXTS)
    wrong = st.builds(field, st.sampled_from([1, 3]), messages())
    return st.lists(st.one_of(_time_series(), said, wrong), max_size=5).map(b"".join)


def _requests_2() -> st.SearchStrategy[bytes]:
    labels = st.dictionaries(TEXTS, TEXTS, max_size=3)
    more = st.one_of(st.just(b""), st.builds(field, st.integers(1, 6), st.one_of(messages(), SCALARS)))
    parts = st.lists(st.tuples(labels, TEXTS, st.lists(_sampled(), max_size=3), more), max_size=4)
    wrong = st.one_of(st.just(b""), st.builds(field, st.sampled_from([4, 5]), messages()))
    return st.builds(_request_2, parts, wrong, st.booleans())


def _request_2(parts: list[tuple[dict[str, str], str, list[bytes], bytes]], wrong: bytes, table_first: bool) -> bytes:
    symbols = Symbols()
    spelled = [
        series_2(symbols, labels | {"__name__": name}, *samples, more=more) for labels, name, samples, more in parts
    ]
    return b"".join([bytes(symbols), *spelled, wrong] if table_first else [wrong, *spelled, bytes(symbols)])


def _sent(bodies: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """As they are sent: mostly in a snappy block, sometimes in one that is broken or lies about its length."""
    blocks = st.one_of(bodies, altered(bodies), messages(), st.binary(max_size=60)).map(packed)
    lies = st.builds(lambda size, block: varint(size) + block[1:], st.integers(0, 2**34), blocks)
    return st.one_of(blocks, blocks, blocks, altered(blocks), lies, st.binary(max_size=60))


def remote_write_bodies() -> st.SearchStrategy[bytes]:
    return _sent(_requests())


def remote_write_v2_bodies() -> st.SearchStrategy[bytes]:
    return _sent(_requests_2())


def otlp_bodies() -> st.SearchStrategy[bytes]:
    """Protobuf, not packed."""
    good = _exports(as_json=False)
    wrong = st.builds(_within, messages(), st.lists(st.sampled_from([1, 2, 5, 7, 9, 10, 11]), max_size=6))
    return st.one_of(good, altered(good), wrong, messages(), st.binary(max_size=60))


def otlp_json_bodies() -> st.SearchStrategy[bytes]:
    good = _exports(as_json=True)
    odd = st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(WORDS), inner, max_size=4)
        ),
        max_leaves=25,
    )
    wrong = odd.map(lambda value: json.dumps({"resourceMetrics": value}).encode())
    deep = st.sampled_from(
        [b"[" * 100_000, b'{"resourceMetrics":' * 5_000, b'{"resourceMetrics":' + b"9" * 5_000 + b"}"]
    )
    return st.one_of(good, altered(good), wrong, odd.map(lambda value: json.dumps(value).encode()), deep)


WORDS = ["resourceMetrics", "scopeMetrics", "metrics", "name", "gauge", "sum", "histogram", "summary", "dataPoints"]
WORDS += ["attributes", "key", "value", "stringValue", "asInt", "asDouble", "timeUnixNano", "flags", "exemplars", "x"]


def _within(message: bytes, numbers: list[int]) -> bytes:
    for number in numbers:
        message = field(number, message)
    return message


SHAPES = ["gauge", "sum", "histogram", "exponential_histogram", "summary"]
WHOLE = st.integers(-(2**63), 2**63 - 1)


def _one(name: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[str, Any]]:
    return values.map(lambda value: (name, value))


NUMBERS = st.one_of(_one("as_double", VALUES), _one("as_int", WHOLE))
COUNTS = st.integers(0, 2**64 - 1)


@st.composite
def _exports(draw: st.DrawFn, *, as_json: bool) -> bytes:
    request = ExportMetricsServiceRequest()
    for _ in range(draw(st.integers(0, 2))):
        resource = request.resource_metrics.add()
        _fill_attributes(draw, resource.resource.attributes)
        for _ in range(draw(st.integers(0, 3))):
            metric = resource.scope_metrics.add().metrics.add()
            metric.name, metric.unit = draw(TEXTS), draw(st.sampled_from(["By", "ms", "{x}/s", "\0", "x" * 90]))
            _fill_metric(draw, getattr(metric, draw(st.sampled_from(SHAPES))))
    return MessageToJson(request, indent=None).encode() if as_json else request.SerializeToString()


def _fill_metric(draw: st.DrawFn, data: Any) -> None:
    if hasattr(data, "aggregation_temporality"):
        data.aggregation_temporality = draw(st.sampled_from([0, 1, 2, 2, 9]))
    for _ in range(draw(st.integers(0, 3))):
        point = data.data_points.add(time_unix_nano=draw(TIMES) * 10**6 % 2**64, flags=draw(st.integers(0, 3)))
        _fill_attributes(draw, point.attributes)
        if hasattr(point, "as_int"):
            setattr(point, *draw(NUMBERS))
            continue
        point.count, point.sum = draw(COUNTS), draw(VALUES)
        if hasattr(point, "bucket_counts"):
            point.explicit_bounds.extend(draw(st.lists(VALUES, max_size=3)))
            point.bucket_counts.extend(draw(st.lists(COUNTS, max_size=4)))
        if hasattr(point, "quantile_values"):
            point.quantile_values.add(quantile=draw(VALUES), value=draw(VALUES))


KEYS = st.one_of(TEXTS, st.sampled_from(["service.name", "host.name"]))
ATTRIBUTES = st.one_of(
    _one("string_value", TEXTS),
    _one("double_value", VALUES),
    _one("int_value", WHOLE),
    _one("bytes_value", st.binary(max_size=9)),
)


def _fill_attributes(draw: st.DrawFn, attributes: Any) -> None:
    for _ in range(draw(st.integers(0, 2))):
        value = attributes.add(key=draw(KEYS)).value
        setattr(value, *draw(ATTRIBUTES))
        for _ in range(draw(st.sampled_from([0, 0, 1, 40]))):
            value = value.array_value.values.add()
