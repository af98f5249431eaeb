from __future__ import annotations

import pytest

from metrics.ingest.wire import VARINT, Malformed, TooMuch, Walk, bounded, tag, varint
from tests.metrics.ingest import by_hand
from tests.metrics.ingest.by_hand import field


def test_a_message_is_split_into_the_values_of_its_fields():
    body = field(1, b"a") + field(2, 300) + field(1, b"b" * 200) + field(3, 0.5) + field(100, b"far")
    fields = Walk().fields(body)
    assert fields[tag(1)] == [b"a", b"b" * 200]
    assert fields[tag(2, VARINT)] == [300]
    assert fields[tag(100)] == [b"far"]
    assert fields[tag(7)] == []


@pytest.mark.parametrize("number", [0, 1, 127, 128, 2**32, 2**63, 2**64 - 1])
def test_numbers_of_any_length_are_read(number):
    spelled = by_hand.varint(number)
    assert varint(spelled + b"rest", 0) == (number, len(spelled))


BROKEN = {
    "cut in the tag": b"\x80",
    "cut in the length": b"\x0a\x80",
    "cut in the value": b"\x0a\x05abcd",
    "cut in a number": b"\x08\x80",
    "cut in eight bytes": b"\x09abc",
    "cut in four bytes": b"\x0dabc",
    "a group": b"\x0b\x0c",
    "a type that is none": b"\x0f",
    "the field 0": b"\x02\x01a",
    "an endless number": b"\x08" + b"\xff" * 11,
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_message_is_malformed(name):
    with pytest.raises(Malformed):
        Walk().fields(BROKEN[name])


def test_the_fields_of_all_messages_count_together():
    walk = Walk(most=3)
    walk.fields(field(1, b"") * 2)
    walk.fields(field(1, b""))
    with pytest.raises(TooMuch):
        walk.fields(field(1, b""))


def test_a_piece_is_parsed_up_to_a_mebibyte():
    assert bounded(b"x" * 2**20)
    with pytest.raises(TooMuch, match="1048577"):
        bounded(b"x" * (2**20 + 1))
