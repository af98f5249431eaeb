"""Reading a request's body: no more bytes and no longer than agreed, counted as they come."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping

from asgiref.typing import ASGIReceiveCallable

from metrics.ingest.calls import MIB
from metrics.ingest.problems import Problem, come_again, too_large
from metrics.sentences import placed
from metrics.sentences import sentence as _

DRAINED = 8 * MIB
LONGEST_S = 15.0
PIECE = 256 * 1024
"""Bytes of a piece of lines: some thousand samples, so that one who sends a lot does not fill the queue alone."""
HELD = 24 * MIB
"""Bytes of bodies that are read and not yet decoded, of all senders together."""
SPARED = 512
"""A body of up to this fraction of them is read even then: who sends little is not to suffer for who sends much."""


class Gone(Exception):
    """The sender went away before the end of the body; nobody waits for an answer."""


class Shelf:
    """Counts what all bodies hold together, so that many large ones at once do not fill the memory."""

    def __init__(self, most: int = HELD) -> None:
        self._most = most
        self.held = 0

    @contextlib.contextmanager
    def place(self) -> Iterator[Callable[[bytes], None]]:
        """What is put here counts until the end of the block. Putting raises Problem (503) when the shelf is full."""
        size = 0

        def put(chunk: bytes) -> None:
            nonlocal size
            size += len(chunk)
            self.held += len(chunk)
            if self.held > self._most and size > self._most // SPARED:
                raise come_again("too many bodies are being received")

        try:
            yield put
        finally:
            self.held -= size


async def read_chunks(
    receive: ASGIReceiveCallable, headers: Mapping[str, str], largest: int, *, longest_s: float = LONGEST_S
) -> AsyncIterator[bytes]:
    """The body as it comes. Only waiting for the sender counts as time. Raises Problem (413, 408) and Gone."""
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > largest:
        raise too_large(largest)
    size, more, left = 0, True, longest_s
    while more:
        started = time.monotonic()
        chunk, more = await _receive(receive, left, longest_s)
        left -= time.monotonic() - started
        size += len(chunk)
        if size > largest:
            raise too_large(largest, close=more and not await _drain(receive, left, longest_s))
        yield chunk


async def whole(chunks: AsyncIterator[bytes], put: Callable[[bytes], None]) -> bytes:
    """All of a body, each chunk of it `put` on the shelf. Raises what putting and the chunks raise."""
    kept: list[bytes] = []
    async for chunk in chunks:
        put(chunk)
        kept.append(chunk)
    return b"".join(kept)


async def in_lines(
    chunks: AsyncIterator[bytes], unpack: Callable[[bytes], Iterable[bytes]], *, size: int = PIECE
) -> AsyncIterator[bytes]:
    """A body in pieces of whole lines, each of about `size` bytes. Raises Problem for a line that is longer."""
    # A bytearray: joining bytes that come one by one would copy the piece for each of them.
    rest = bytearray()
    async for chunk in chunks:
        for part in unpack(chunk):
            rest += part
            if len(rest) >= size:
                cut = rest.rfind(b"\n") + 1
                if not cut:
                    raise Problem(400, placed("body", _("expected lines of less than %(size)d bytes", size=size)))
                yield bytes(rest[:cut])
                del rest[:cut]
    if rest:
        yield bytes(rest)


async def _receive(receive: ASGIReceiveCallable, left: float, longest_s: float) -> tuple[bytes, bool]:
    """The next chunk, and whether there is more."""
    try:
        async with asyncio.timeout(max(left, 0.0)):
            message = await receive()
    except TimeoutError:
        fault = _("expected all of it within %(seconds)g s", seconds=longest_s)
        raise Problem(408, placed("body", fault), close=True) from None
    if message["type"] != "http.request":
        raise Gone
    return message.get("body", b""), message.get("more_body", False)


async def _drain(receive: ASGIReceiveCallable, left: float, longest_s: float) -> bool:
    """Read on for a while, since most clients only look for an answer once they have sent all. Whether they have."""
    size, more, ends = 0, True, time.monotonic() + left
    while more and size <= DRAINED:
        chunk, more = await _receive(receive, ends - time.monotonic(), longest_s)
        size += len(chunk)
    return not more
