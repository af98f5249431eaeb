"""What waits to be sent to one socket: bounded, newest wins."""

from __future__ import annotations

from live.push.fragments import Batch, merge

MAX_ITEMS = 64
MAX_CHARACTERS = 256 * 1024


class Outbox:
    """Batches in the order in which they go out; nothing is copied while they fit.

    `conflated` counts the fragments that were replaced by newer ones since the last `take`.
    """

    __slots__ = ("_batches", "_items", "_size", "conflated")

    def __init__(self) -> None:
        self._batches: list[Batch] = []
        self._items = 0
        self._size = 0
        self.conflated = 0

    def __bool__(self) -> bool:
        return bool(self._batches)

    def put(self, batch: Batch) -> bool:
        """Whether there was room. When there was none, everything that waited is dropped: send a snapshot instead.

        A batch that waits alone always fits: what would be sent instead is no smaller.
        """
        self._batches.append(batch)
        self._items += len(batch.fragments)
        self._size += batch.size
        return self._fits() or len(self._batches) == 1 or self._conflate()

    def take(self) -> tuple[Batch, ...]:
        batches = tuple(self._batches)
        self.conflated = 0
        self.clear()
        return batches

    def clear(self) -> None:
        self._batches.clear()
        self._items = self._size = 0

    def _fits(self) -> bool:
        return self._items <= MAX_ITEMS and self._size <= MAX_CHARACTERS

    def _conflate(self) -> bool:
        whole = merge(self._batches)
        self.conflated += self._items - len(whole.fragments)
        self._batches, self._items, self._size = [whole], len(whole.fragments), whole.size
        if not self._fits():
            self.clear()
        return bool(self._batches)
