"""What was met lately, within a budget of memory."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Recent(Generic[K, V]):
    """Forgets what was not asked for lately, when sizes come to more than `budget`.

    There are two generations: what is asked for moves into the younger one, and when that has taken half of the
    budget, the older one is dropped whole. So a hit costs one look-up, without a list to reorder. Threads may share
    it: at worst something is worked out twice.
    """

    def __init__(self, budget: int) -> None:
        self._half = budget // 2
        self._young: dict[K, tuple[V, int]] = {}
        self._old: dict[K, tuple[V, int]] = {}
        self._size = 0

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def get(self, key: K) -> V | None:
        found = self._young.get(key)
        if found is None:
            found = self._old.pop(key, None)
            if found is None:
                return None
            self._keep(key, found)
        return found[0]

    def put(self, key: K, value: V, size: int) -> None:
        """Remember, unless it alone would take an eighth of the budget."""
        if size <= self._half // 4:
            self._keep(key, (value, size))

    def _keep(self, key: K, entry: tuple[V, int]) -> None:
        if self._size + entry[1] > self._half:
            self._old, self._young, self._size = self._young, {}, 0
        self._young[key] = entry
        self._size += entry[1]
