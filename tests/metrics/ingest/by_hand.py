"""Protobuf and snappy as a sender writes them, by hand: nothing here comes from the code under test."""

from __future__ import annotations

import struct
from typing import Any

import cramjam

from metrics.ingest.calls import Call, Sender

NOW = 1_795_154_400_000  # 2026-11-20T06:00:00Z
DAY = 86_400_000
SHOP = Sender(7, "shop")
STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
DELIMITED = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
V2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request"


def varint(number: int) -> bytes:
    number &= 2**64 - 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def field(number: int, value: bytes | str | int | float) -> bytes:
    """Texts and messages by their length, integers as varints, floats in eight bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack("<d", value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def sample(value: float, ts: int = NOW) -> bytes:
    return field(1, float(value)) + field(2, ts)


def series(labels: dict[str, str] | list[tuple[str, str]], *samples: bytes, more: bytes = b"") -> bytes:
    """A time series of a version 1 request."""
    pairs = labels.items() if isinstance(labels, dict) else labels
    spelled = b"".join(field(1, field(1, name) + field(2, value)) for name, value in pairs)
    return field(1, spelled + b"".join(field(2, each) for each in samples) + more)


def up(value: float = 1.0, ts: int = NOW, **labels: str) -> bytes:
    return series({"__name__": "up", **labels}, sample(value, ts))


def metadata(kind: int, family: str, text: str = "", unit: str = "") -> bytes:
    return field(3, field(1, kind) + field(2, family) + field(4, text) + field(5, unit))


class Symbols:
    """The table of a version 2 request; `call` a text to get its number."""

    def __init__(self) -> None:
        self.texts = [""]

    def __call__(self, text: str) -> int:
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text)

    def __bytes__(self) -> bytes:
        return b"".join(field(4, text) for text in self.texts)


def references(*numbers: int) -> bytes:
    return field(1, b"".join(map(varint, numbers)))


def series_2(symbols: Symbols, labels: dict[str, str], *samples: bytes, more: bytes = b"") -> bytes:
    """A time series of a version 2 request."""
    numbers = [symbols(text) for pair in labels.items() for text in pair]
    return field(5, references(*numbers) + b"".join(field(2, each) for each in samples) + more)


def family(name: str, kind: int, *metrics: bytes, text: str = "", unit: str = "") -> bytes:
    """A MetricFamily after its length."""
    said = field(1, name) + (field(2, text) if text else b"") + field(3, kind) + (field(5, unit) if unit else b"")
    message = said + b"".join(field(4, metric) for metric in metrics)
    return varint(len(message)) + message


def labelled(**labels: str) -> bytes:
    """The labels of a Metric."""
    return b"".join(field(1, field(1, name) + field(2, value)) for name, value in labels.items())


def packed(body: bytes) -> bytes:
    return bytes(cramjam.snappy.compress_raw(body))


def call(body: bytes, *, sender: Sender = SHOP, **headers: Any) -> Call:
    """A call with this body as it is sent. Header names are given with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Call("POST", "/", {}, named, body, sender, NOW, NOW - DAY)


def remote_write(body: bytes, *, sender: Sender = SHOP, **headers: str) -> Call:
    given = {"content_type": "application/x-protobuf", "content_encoding": "snappy"} | headers
    return call(packed(body), sender=sender, **given)
