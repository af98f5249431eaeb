"""Taking protobuf messages apart, level by level, without building them.

The classes of protobuf need up to 130 bytes for two bytes of a message that is made of empty ones: 8 MiB would become
half a gigabyte. So what can be many is split here, at most MOST pieces in all, and only one piece at a time is parsed.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from metrics.sentences import Fault
from metrics.sentences import sentence as _

MOST = 100_000
"""Fields that are split, and samples that are taken, of one request."""
LARGEST_PIECE = 1024 * 1024
"""Bytes of a message that is parsed at once."""

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
SIZES = {FIXED64: 8, FIXED32: 4}
VARINT_BITS = 64

Fields = defaultdict[int, list[Any]]
"""Values by tag, in the order in which they came: bytes, or an integer where the tag is that of a varint."""


class Malformed(Fault):
    """These bytes are no protobuf message."""


class TooMuch(Fault):
    """For the sender: more pieces, or larger ones, than are taken at once."""


def tag(number: int, kind: int = BYTES) -> int:
    """What a field begins with on the wire."""
    return number << 3 | kind


class Walk:
    """Splits the messages of one request into their fields, at most `most` in all."""

    def __init__(self, most: int = MOST) -> None:
        self._left = most

    def fields(self, message: bytes) -> Fields:
        """The fields of a message. Raises Malformed and TooMuch."""
        found: Fields = defaultdict(list)
        at, end, left = 0, len(message), self._left
        try:
            while at < end:
                key, at = (message[at], at + 1) if message[at] < 128 else varint(message, at)
                if key & 7 == BYTES:
                    size, at = (message[at], at + 1) if message[at] < 128 else varint(message, at)
                    value: Any = message[at : at + size]
                    at += size
                else:
                    value, at = _number(message, at, key & 7)
                found[key].append(value)
                left -= 1
                if left < 0:
                    raise TooMuch(_("the body holds too many parts; send it in several requests"))
        except (IndexError, KeyError):
            raise Malformed(_("unexpected end or unknown type of a field")) from None
        if at != end or any(key < 8 for key in found):
            raise Malformed(_("unexpected end of a field"))
        self._left = left
        return found


def varint(message: bytes, at: int) -> tuple[int, int]:
    """The number that begins at `at`, and where it ends. Raises IndexError at the end of the message, and Malformed."""
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift >= VARINT_BITS:
            raise Malformed(_("a number of more than ten bytes"))


def _number(message: bytes, at: int, kind: int) -> tuple[Any, int]:
    if kind == VARINT:
        return varint(message, at)
    size = SIZES[kind]
    return message[at : at + size], at + size


def bounded(piece: bytes) -> bytes:
    """The piece itself. Raises TooMuch when it is larger than what is parsed at once."""
    if len(piece) > LARGEST_PIECE:
        fault = _(
            "expected at most %(most)d bytes, got %(n)d; send it in several parts", most=LARGEST_PIECE, n=len(piece)
        )
        raise TooMuch(fault)
    return piece
