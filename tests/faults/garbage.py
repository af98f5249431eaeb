"""What no page of ours sends: broken JSON, strange JSON, bytes, and frames that break the protocol."""

from __future__ import annotations

import json
import random
import struct
from collections.abc import Callable

LARGEST = 60_000
TEXTS = [
    "",
    "hi",
    "x" * 2001,
    "x" * 40_000,
    "\x00",
    "\ud800",
    "\u2028\u202e",
    "<hx-partial hx-target='body'>",
    "𝔘" * 50,
]
NUMBERS = [0, -1, 2**63, 10**400, 1e308, -0.0, 0.1]
KEYS = ["message", "cid", "headers", "HEADERS", "room", "type", "__class__", "", "content", "target", "swap"]
TOKENS = ['{"message":', "[", "{", '"', "NaN", "-Infinity", "1e999", "\\ud800", "\\u0000", "null", ",", "}", "]", "\\"]


def garbage(chance: random.Random) -> str | bytes:
    """A text or binary message, small enough to be read at all."""
    return chance.choice(KINDS)(chance)[:LARGEST]


def broken_frame(chance: random.Random) -> bytes:
    """Bytes that a WebSocket server must answer by closing, or wait to be completed."""
    first = chance.choice([0x81, 0x82, 0x83, 0x8B, 0x91, 0xC1, 0x01, 0x00, 0x88, 0x89])
    payload = chance.randbytes(chance.choice([0, 1, 2, 125]))
    size = chance.choice([len(payload), 126, 127])
    length = {126: struct.pack("!H", len(payload)), 127: struct.pack("!Q", chance.choice([len(payload), 2**40]))}
    masked = chance.choice([0x80, 0x80, 0])
    mask = b"\0\0\0\0" if masked else b""
    return bytes([first, masked | size]) + length.get(size, b"") + mask + payload


def _value(chance: random.Random, depth: int = 0) -> object:
    leaves = [None, True, chance.choice(NUMBERS), chance.choice(TEXTS), chance.choice(TEXTS)]
    if depth > 3 or chance.random() < 0.6:
        return chance.choice(leaves)
    many = range(chance.randrange(4))
    if chance.random() < 0.5:
        return [_value(chance, depth + 1) for _ in many]
    return {chance.choice(KEYS): _value(chance, depth + 1) for _ in many}


def _json(chance: random.Random) -> str:
    return json.dumps(_value(chance), ensure_ascii=True)


def _message(chance: random.Random) -> str:
    return json.dumps({"message": _value(chance), "cid": _value(chance), chance.choice(KEYS): _value(chance)})


def _cut(chance: random.Random) -> str:
    text = _message(chance)
    return text[: chance.randrange(len(text))]


def _tokens(chance: random.Random) -> str:
    return "".join(chance.choices(TOKENS, k=chance.randrange(1, 30)))


def _deep(chance: random.Random) -> str:
    return chance.choice(["[", '{"a":', '{"message":[']) * chance.choice([50, 1000, 5000])


def _digits(chance: random.Random) -> str:
    return '{"message": ' + "9" * chance.choice([100, 4301, 20_000]) + "}"


def _text(chance: random.Random) -> str:
    return "".join(chr(chance.choice([chance.randrange(128), chance.randrange(0xD800)])) for _ in range(40))


def _bytes(chance: random.Random) -> bytes:
    return chance.randbytes(chance.choice([0, 1, 100, 5000]))


KINDS: list[Callable[[random.Random], str | bytes]] = [
    _json,
    _message,
    _message,
    _cut,
    _tokens,
    _deep,
    _digits,
    _text,
    _bytes,
]
