"""Bodies that are made to hurt, one by one: small and huge once unpacked, endless, deep, or almost right."""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from functools import cache
from itertools import repeat

import cramjam

from tests.faults.sizes import sized
from tests.metrics.ingest.by_hand import DELIMITED, V2, Symbols, family, packed, references, sample, series, up, varint
from tests.metrics.ingest.by_hand import field as message
from tests.metrics.ingest.hostile_text import LONG

MIB = 1024 * 1024
PROTOBUF = {"Content-Type": "application/x-protobuf"}
SNAPPY = PROTOBUF | {"Content-Encoding": "snappy"}
JSON = {"Content-Type": "application/json"}
GZIP = {"Content-Encoding": "gzip"}
ZSTD = {"Content-Encoding": "zstd"}

WRITE, OTLP, PUSH, SAMPLES = "/api/v1/write", "/v1/metrics", "/metrics/job/attack", "/api/samples"
LINES, HOOK = "/write?precision=ms", "/hooks/alertmanager"
FAMILIES = {"Content-Type": DELIMITED}
PATHS = {WRITE: SNAPPY, OTLP: PROTOBUF, PUSH: {}, SAMPLES: JSON, LINES: {}, HOOK: JSON}


@dataclass(frozen=True)
class Attack:
    """`answers` are the statuses that are right; the body is made when it is sent."""

    path: str
    body: Callable[[], bytes]
    answers: Collection[int] = (400,)
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"


def gzipped(chunks: Iterable[bytes]) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join([*map(packer.compress, chunks), packer.flush()])


@cache
def gzip_bomb() -> bytes:
    """200 MiB in 204 kB."""
    return gzipped(repeat(bytes(MIB), 200))


@cache
def zstd_bomb() -> bytes:
    """200 MiB in some kB, with the size in the frame."""
    return bytes(cramjam.zstd.compress(bytes(200 * MIB)))


def snappy_zeros(size: int) -> bytes:
    """So many zeros in a twenty-first of the size: a literal, and copies of up to 64 bytes of what came before."""
    copies, rest = divmod(size - 1, 64)
    last = bytes([(rest - 1) << 2 | 2, 1, 0]) if rest else b""
    return varint(size) + b"\x00\x00" + b"\xfe\x01\x00" * copies + last


def nested(depth: int) -> bytes:
    """An attribute of OTLP: a list in a list in a list."""
    value = message(1, "x")
    for _ in range(depth):
        value = message(5, message(1, value))
    return exported(message(1, "deep") + message(5, message(1, message(7, message(1, "a") + message(2, value)))))


def exported(metric: bytes) -> bytes:
    return message(1, message(2, message(2, metric)))


def exemplar() -> bytes:
    """A trace id in hexadecimal, which the specification asks for and protobuf's JSON takes for base64."""
    traced = {"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "asDouble": 1}
    points = [{"asDouble": 1, "exemplars": [traced]}]
    return resource([{"name": "traced", "sum": {"aggregationTemporality": 2, "dataPoints": points}}])


def resource(metrics: object) -> bytes:
    return json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}).encode()


def beyond_the_table() -> bytes:
    symbols = Symbols()
    for text in ("__name__", "up"):
        symbols(text)
    return packed(bytes(symbols) + message(5, references(1, 99) + message(2, sample(1))))


def random_lines(seed: int, count: int) -> bytes:
    chance = random.Random(seed)
    letters = b'ab=,\\" \t.1i-#tT\x00\xff\xc3\xa9'
    return b"\n".join(bytes(chance.choices(letters, k=chance.randrange(60))) for _ in range(count))


def longest(what: str) -> bytes:
    return (LONG[what] + b"\n") * (MIB // len(LONG[what]))


NO_NUMBERS = ["NaN", "Infinity", "-Infinity", "1e999"]
BAD_LINES = {
    "NUL": b"a\x00b v=1",
    "a key of more than 64 KiB": b"a," + b"k" * 70_000 + b"=1 v=1",
    "NaN": b"a v=nan",
    "Inf": b"a v=+inf",
    "1e400": b"a v=1e400",
    "a tag twice": b"a,t=1,t=2 v=1",
    "a time beyond all times": b"a v=1 9223372036854775807",
    "invalid UTF-8": b"a\xff v=1",
}
RANDOM_LINES = sized(20, 400)
"""A thousand lines each."""

ATTACKS = {
    "snappy: a header that claims 2 GiB": Attack(WRITE, lambda: varint(2**31) + b"\x00" * 10, (413,), SNAPPY),
    "snappy: 256 MiB of zeros": Attack(WRITE, lambda: snappy_zeros(256 * MIB), (413,), SNAPPY),
    "snappy: 128 MiB of zeros": Attack(WRITE, lambda: snappy_zeros(128 * MIB), (413,), SNAPPY),
    "snappy: 8 MiB of zeros": Attack(WRITE, lambda: snappy_zeros(8 * MIB), (400, 413), SNAPPY),
    "protobuf: 16 MiB of empty series": Attack(WRITE, lambda: packed(b"\x0a\x00" * (8 * MIB)), (413,), SNAPPY),
    "protobuf: 8 MiB of empty series": Attack(WRITE, lambda: packed(b"\x0a\x00" * (4 * MIB)), (413,), SNAPPY),
    "protobuf: 8 MiB of empty samples": Attack(
        WRITE, lambda: packed(series({"__name__": "up"}, *[b""] * 3) * 400_000)[: 8 * MIB], (400, 413), SNAPPY
    ),
    "protobuf: a series of empty samples": Attack(
        WRITE, lambda: packed(message(1, b"\x12\x00" * (2 * MIB))), (400, 413), SNAPPY
    ),
    "protobuf: 8 MiB of empty symbols": Attack(
        WRITE, lambda: packed(b"\x22\x00" * (4 * MIB)), (413,), SNAPPY | {"Content-Type": V2}
    ),
    "protobuf: a label that is no UTF-8": Attack(
        WRITE, lambda: packed(up(zone="zzz").replace(b"zzz", b"\xff\xfe\xfd")), (400,), SNAPPY
    ),
    "version 2: a symbol that is not there": Attack(
        WRITE, beyond_the_table, (400,), SNAPPY | {"Content-Type": V2}
    ),
    "families: a MiB of empty ones": Attack(PUSH, lambda: bytes(MIB), (400,), FAMILIES),
    "families: a MiB of empty metrics": Attack(
        PUSH, lambda: family("a", 1, *[b""] * (MIB // 2 - 10)), (400,), FAMILIES
    ),
    "families: a MiB of empty buckets": Attack(
        PUSH, lambda: family("a", 4, message(7, b"\x1a\x00" * (MIB // 2 - 20))), (400,), FAMILIES
    ),
    "families: a MiB of empty labels": Attack(
        PUSH, lambda: family("a", 1, b"\x0a\x00" * (MIB // 2 - 20)), (400,), FAMILIES
    ),
    "families: a long name and a thousand buckets": Attack(
        PUSH, lambda: family("a" * 1_000_000, 4, message(7, b"\x1a\x00" * 1_000)), (400,), FAMILIES
    ),
    "families: a length of 2^63": Attack(PUSH, lambda: varint(2**63) + b"\x0a\x01a", (400,), FAMILIES),
    "families: a length without an end": Attack(PUSH, lambda: b"\xff" * 1_000, (400,), FAMILIES),
    "families: a name that is no UTF-8": Attack(PUSH, lambda: b"\x03\x0a\x01\xff", (400,), FAMILIES),
    "OTLP: 8 MiB of empty resources": Attack(OTLP, lambda: b"\x0a\x00" * (4 * MIB), (400, 413), PROTOBUF),
    "OTLP: 8 MiB of empty metrics": Attack(
        OTLP, lambda: message(1, message(2, b"\x12\x00" * (4 * MIB - 20))), (400, 413), PROTOBUF
    ),
    "OTLP: 2,000 lists in each other": Attack(OTLP, lambda: nested(2_000), (200, 400), PROTOBUF),
    "OTLP JSON: a trace id": Attack(OTLP, exemplar, (200,), JSON),
    "OTLP JSON: 8 MiB of nothing": Attack(OTLP, lambda: resource([{}] * 2_000_000), (400, 413), JSON),
} | {
    f"gzip: 200 MiB to {path}": Attack(path, gzip_bomb, (400, 413), PATHS[path] | GZIP)
    for path in (OTLP, PUSH, SAMPLES, LINES, HOOK)
} | {
    f"zstd: 200 MiB to {path}": Attack(path, zstd_bomb, (415,), PATHS[path] | ZSTD) for path in PATHS
} | {
    f"JSON: {what} to {path}": Attack(path, lambda body=body: body, (400, 413), JSON)
    for path in (SAMPLES, OTLP, HOOK)
    for what, body in {
        "200,000 brackets": b"[" * 200_000,
        "100,000 braces": b'{"a":' * 100_000,
        "an integer of 5,000 digits": b'{"metric":"a","value":' + b"9" * 5_000 + b"}",
    }.items()
} | {
    f"JSON: {word}": Attack(SAMPLES, lambda word=word: b'{"metric":"a","value":%s}' % word.encode(), (400,), JSON)
    for word in NO_NUMBERS
} | {
    f"OTLP JSON: {word}": Attack(
        OTLP,
        lambda word=word: resource([{"name": "a", "gauge": {"dataPoints": [{"asDouble": 0.25}]}}]).replace(
            b"0.25", word.encode()
        ),
        (200, 400),
        JSON,
    )
    for word in NO_NUMBERS
} | {
    f"text: {what}": Attack(PUSH, lambda what=what: longest(what), (200, 400), method="PUT") for what in LONG
} | {
    f"lines: {what}": Attack(LINES, lambda what=what: BAD_LINES[what], (400,)) for what in BAD_LINES
} | {
    f"lines: random, {seed}": Attack(LINES, lambda seed=seed: random_lines(seed, 1_000), (204, 400))
    for seed in range(RANDOM_LINES)
}  # fmt: skip
