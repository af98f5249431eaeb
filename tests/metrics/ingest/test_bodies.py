from __future__ import annotations

import asyncio

import pytest

from metrics.ingest.bodies import DRAINED, Gone, Shelf, in_lines, read_chunks, whole
from metrics.ingest.calls import MIB
from metrics.ingest.problems import Problem

LARGEST = MIB


class Sender:
    """Sends pieces, one per call, and counts how many were fetched. What is no piece is a message or a wait."""

    def __init__(self, *pieces):
        self.pieces = list(pieces)
        self.fetched = 0

    async def __call__(self):
        self.fetched += 1
        piece = self.pieces.pop(0)
        if isinstance(piece, float):
            await asyncio.sleep(piece)
            piece = b""
        if isinstance(piece, dict):
            return piece
        return {"type": "http.request", "body": piece, "more_body": bool(self.pieces)}


async def read_body(sender, headers=None, *, largest=LARGEST, **options):
    with Shelf().place() as put:
        return await whole(read_chunks(sender, headers or {}, largest, **options), put)


async def test_pieces_are_joined():
    assert await read_body(Sender(b"ab", b"", b"c")) == b"abc"


async def test_a_message_without_a_body_is_the_end():
    assert await read_body(Sender({"type": "http.request"})) == b""


@pytest.mark.parametrize("pieces", [(b"x" * LARGEST,), (b"x" * (LARGEST - 1), b"x")])
async def test_the_largest_body_is_taken(pieces):
    assert len(await read_body(Sender(*pieces))) == LARGEST


@pytest.mark.parametrize("pieces", [(b"x" * (LARGEST + 1),), (b"x" * LARGEST, b"x"), (b"x" * LARGEST, b"x", b"y" * 9)])
async def test_a_byte_more_is_too_large_however_it_comes(pieces):
    sender = Sender(*pieces)
    with pytest.raises(Problem) as caught:
        await read_body(sender)
    assert (caught.value.status, caught.value.headers) == (413, {})
    assert sender.pieces == [], "read to its end, so that the client sees the answer"


async def test_an_endless_body_is_cut_off():
    sender = Sender(*[b"x" * MIB] * 100)
    with pytest.raises(Problem) as caught:
        await read_body(sender)
    assert caught.value.headers == {"connection": "close"}
    assert sender.fetched == (LARGEST + DRAINED) // MIB + 2


async def test_one_that_stops_in_the_middle_of_too_much_is_not_waited_for():
    with pytest.raises(Problem) as caught:
        await read_body(Sender(b"x" * (LARGEST + 1), 5.0, b""), longest_s=0.05)
    assert caught.value.status in (408, 413)


@pytest.mark.parametrize("length", [str(LARGEST + 1), "9" * 5_000])
async def test_a_length_that_is_too_large_is_refused_before_the_body_comes(length):
    sender = Sender(b"")
    with pytest.raises(Problem) as caught:
        await read_body(sender, {"content-length": length})
    assert (caught.value.status, sender.fetched) == (413, 0)


@pytest.mark.parametrize("length", ["3", str(LARGEST), "", "-5", "x", "²"])
async def test_real_bytes_count_and_not_what_the_header_says(length):
    assert await read_body(Sender(b"abc"), {"content-length": length}) == b"abc"
    with pytest.raises(Problem):
        await read_body(Sender(b"x" * (LARGEST + 1)), {"content-length": length})


async def test_a_body_that_takes_too_long_is_refused_and_its_connection_closed():
    with pytest.raises(Problem) as caught:
        await read_body(Sender(b"a", 5.0), longest_s=0.05)
    assert (caught.value.status, caught.value.headers) == (408, {"connection": "close"})


async def test_many_slow_pieces_together_are_too_long():
    with pytest.raises(Problem):
        await read_body(Sender(*[0.02] * 50), longest_s=0.1)


async def test_only_waiting_for_the_sender_counts_as_time():
    got = []
    async for chunk in read_chunks(Sender(b"a", b"b", b"c"), {}, LARGEST, longest_s=0.1):
        await asyncio.sleep(0.06)
        got.append(chunk)
    assert got == [b"a", b"b", b"c"]


async def test_a_sender_that_goes_away_is_no_error():
    with pytest.raises(Gone):
        await read_body(Sender(b"ab", {"type": "http.disconnect"}))


async def test_many_bodies_at_once_are_too_many_until_one_of_them_is_done():
    shelf = Shelf(10)
    with shelf.place() as put:
        assert await whole(read_chunks(Sender(b"x" * 8), {}, 20), put) == b"x" * 8
        with pytest.raises(Problem) as caught, shelf.place() as second:
            await whole(read_chunks(Sender(b"x", b"xx"), {}, 20), second)
        assert (caught.value.status, caught.value.headers["retry-after"]) == (503, "1")
        assert shelf.held == 8
    assert shelf.held == 0


async def lines_of(*chunks, size):
    async def come():
        for chunk in chunks:
            yield chunk

    return [piece async for piece in in_lines(come(), lambda chunk: (chunk,), size=size)]


@pytest.mark.parametrize(
    "chunks, pieces",
    [
        ((b"ab\ncd\n", b"ef\n"), [b"ab\ncd\n", b"ef\n"]),
        ((b"ab\nc", b"d\ne", b"f"), [b"ab\n", b"cd\n", b"ef"]),
        ((b"a", b"b", b"\n", b"c", b"d", b"\n"), [b"ab\n", b"cd\n"]),
        ((b"", b""), []),
    ],
)
async def test_a_body_is_cut_at_the_ends_of_lines(chunks, pieces):
    assert await lines_of(*chunks, size=4) == pieces


async def test_a_line_longer_than_a_piece_is_refused():
    assert await lines_of(b"abc", size=4) == [b"abc"]
    with pytest.raises(Problem) as caught:
        await lines_of(b"abcd", b"e\n", size=4)
    assert caught.value.status == 400
