"""Undoing gzip without ever holding more than agreed."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from metrics.ingest.problems import Problem, too_large
from metrics.sentences import placed
from metrics.sentences import sentence as _

GZIP = frozenset({"gzip", "x-gzip"})
STEP = 256 * 1024
UNPACKED = _("once it is unpacked")
MEMBERS = 100
"""Parts of which a gzip file may be joined. Each copies what follows it, so that their number must be bounded."""


class Gunzip:
    """Unpacks a stream, at most `most` bytes of it. Raises Problem (413, 400) as soon as more or garbage comes."""

    def __init__(self, most: int, *, step: int = STEP) -> None:
        self._most = self._left = most
        self._step = step
        self._stream = zlib.decompressobj(31)
        self._members = 0
        self._fed = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """What the data comes to, in parts of up to `step` bytes."""
        more = bool(data)
        self._fed = self._fed or more
        while more:
            if self._stream.eof:
                self._next_member()
            part = self._unpack(data)
            yield part
            data = self._stream.unconsumed_tail or self._stream.unused_data
            more = bool(data) or (len(part) == self._step and not self._stream.eof)

    def finish(self) -> None:
        """Raises Problem (400) when the end is missing. No bytes at all are an empty body."""
        if self._fed and not self._stream.eof:
            raise Problem(400, placed("body", _("expected gzip, it ends too early")))

    def _unpack(self, data: bytes) -> bytes:
        try:
            part = self._stream.decompress(data, self._step)
        except zlib.error:
            raise Problem(400, placed("body", _("expected gzip, as content-encoding says"))) from None
        self._left -= len(part)
        if self._left < 0:
            raise too_large(self._most, UNPACKED)
        return part

    def _next_member(self) -> None:
        self._members += 1
        if self._members >= MEMBERS:
            raise Problem(400, placed("body", _("expected at most %(most)d parts of gzip", most=MEMBERS)))
        self._stream = zlib.decompressobj(31)


def gunzip(data: bytes, most: int) -> bytes:
    """The whole body, unpacked. Raises Problem (413, 400)."""
    stream = Gunzip(most, step=most + 1)
    unpacked = b"".join(stream.feed(data))
    stream.finish()
    return unpacked
