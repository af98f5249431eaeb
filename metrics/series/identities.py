"""Which series has which identity, remembered per process."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping

from metrics.series.readings import Identity


class SeriesIds:
    """Ids of series by identity, the least recently used forgotten first; safe to share between threads.

    It is a hint only: whoever uses an id checks source and key of the row, since a row may be gone or its id be given
    to another series (a restored backup).
    """

    def __init__(self, capacity: int = 50_000) -> None:
        self._capacity = capacity
        self._ids: OrderedDict[Identity, int] = OrderedDict()
        self._lock = threading.Lock()

    def known(self, identities: Iterable[Identity]) -> dict[Identity, int]:
        with self._lock:
            found = {identity: self._ids[identity] for identity in identities if identity in self._ids}
            for identity in found:
                self._ids.move_to_end(identity)
        return found

    def remember(self, ids: Mapping[Identity, int]) -> None:
        with self._lock:
            self._ids.update(ids)
            while len(self._ids) > self._capacity:
                self._ids.popitem(last=False)

    def forget(self, identities: Iterable[Identity]) -> None:
        with self._lock:
            for identity in identities:
                self._ids.pop(identity, None)
