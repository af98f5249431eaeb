"""What waits to be sent to one socket: bounded, newest wins."""

from __future__ import annotations

from collections.abc import Iterable

from live.push.fragments import Fragment

MAX_ITEMS = 64
MAX_CHARACTERS = 256 * 1024


class Outbox:
    """Fragments in the order in which they go out. A fragment replaces the waiting one with the same key.

    `conflated` counts what was replaced since the last `take`.
    """

    __slots__ = ("_items", "_size", "conflated")

    def __init__(self) -> None:
        self._items: dict[str, Fragment] = {}
        self._size = 0
        self.conflated = 0

    def __bool__(self) -> bool:
        return bool(self._items)

    def put(self, fragments: Iterable[Fragment]) -> bool:
        """Whether there was room. When there was none, everything that waited is dropped: send a snapshot instead."""
        for fragment in fragments:
            if (old := self._items.pop(fragment.key, None)) is not None:
                self._size -= old.size
                self.conflated += 1
            self._items[fragment.key] = fragment
            self._size += fragment.size
        if len(self._items) <= MAX_ITEMS and self._size <= MAX_CHARACTERS:
            return True
        self.clear()
        return False

    def take(self) -> tuple[Fragment, ...]:
        items = tuple(self._items.values())
        self.conflated = 0
        self.clear()
        return items

    def clear(self) -> None:
        self._items.clear()
        self._size = 0
