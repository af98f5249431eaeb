"""What waits to be sent to one socket: bounded, newest wins."""

from __future__ import annotations

from collections.abc import Sequence

from live.push.fragments import Batch, merge

MAX_ITEMS = 64
MAX_CHARACTERS = 256 * 1024


class Outbox:
    """Batches in the order in which they go out; nothing is copied while they fit.

    `conflated` counts the fragments that were replaced by newer ones since the last `take`.
    """

    __slots__ = ("_batches", "conflated")

    def __init__(self) -> None:
        self._batches: tuple[Batch, ...] = ()
        self.conflated = 0

    def __bool__(self) -> bool:
        return bool(self._batches)

    def put(self, batch: Batch) -> bool:
        """Whether there was room. When there was none, everything that waited is dropped: send a snapshot instead.

        A batch that waits alone always fits: what would be sent instead is no smaller.
        """
        if not self._batches:
            self._batches = (batch,)
            return True
        self._batches = (*self._batches, batch)
        return _fit(self._batches) or self._conflate()

    def take(self) -> tuple[Batch, ...]:
        batches = self._batches
        self.conflated = 0
        self._batches = ()
        return batches

    def clear(self) -> None:
        self._batches = ()

    def _conflate(self) -> bool:
        whole = merge(self._batches)
        self.conflated += sum(len(batch.fragments) for batch in self._batches) - len(whole.fragments)
        self._batches = (whole,) if _fit((whole,)) else ()
        return bool(self._batches)


def _fit(batches: Sequence[Batch]) -> bool:
    items = sum(len(batch.fragments) for batch in batches)
    return items <= MAX_ITEMS and sum(batch.size for batch in batches) <= MAX_CHARACTERS
