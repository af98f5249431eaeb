"""Reading a request's body: no more bytes and no longer than agreed, counted as they come."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from asgiref.typing import ASGIReceiveCallable

from metrics.ingest.problems import Problem

LARGEST = 1024 * 1024
DRAINED = 8 * LARGEST
LONGEST_S = 15.0


class Gone(Exception):
    """The sender went away before the end of the body; nobody waits for an answer."""


async def read_body(receive: ASGIReceiveCallable, headers: Mapping[str, str], *, longest_s: float = LONGEST_S) -> bytes:
    """The whole body. Raises Problem (413, 408) and Gone."""
    declared = headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > LARGEST:
        raise _too_large()
    try:
        async with asyncio.timeout(longest_s):
            return await _read(receive)
    except TimeoutError:
        raise Problem(408, f"body: expected all of it within {longest_s:g} s", close=True) from None


async def _read(receive: ASGIReceiveCallable) -> bytes:
    """What is too large is read on for a while: most clients only look for an answer once they have sent all."""
    chunks, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise Gone
        chunk, more = message.get("body", b""), message.get("more_body", False)
        size += len(chunk)
        if size <= LARGEST:
            chunks.append(chunk)
        elif size > DRAINED:
            raise _too_large(close=True)
    if size > LARGEST:
        raise _too_large()
    return b"".join(chunks)


def _too_large(*, close: bool = False) -> Problem:
    return Problem(413, f"body: expected at most {LARGEST} bytes; send the samples in several requests", close=close)
