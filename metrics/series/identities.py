"""Which series has which identity, remembered per process."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping

from metrics.series.readings import Identity, weight


class SeriesIds:
    """Ids of series by identity, the least recently used forgotten first; safe to share between threads.

    Holds at most `budget` bytes as `weight` counts them: 64 MiB are about 23,000 series of ten labels.

    It is a hint only: whoever uses an id checks source and key of the row, since a row may be gone or its id be given
    to another series (a restored backup).
    """

    def __init__(self, budget: int = 64 * 1024 * 1024) -> None:
        self._budget = budget
        self._held = 0
        self._ids: OrderedDict[Identity, int] = OrderedDict()
        self._lock = threading.Lock()

    def known(self, identities: Iterable[Identity]) -> dict[Identity, int]:
        found = {}
        with self._lock:
            for identity in identities:
                # An identity is hashed anew each time, which takes longer than all else here.
                if pk := self._ids.get(identity):
                    found[identity] = pk
            if self._held > self._budget // 2:
                for identity in found:
                    self._ids.move_to_end(identity)
        return found

    def remember(self, ids: Mapping[Identity, int]) -> None:
        with self._lock:
            self._held += sum(map(_weight, ids.keys() - self._ids.keys()))
            self._ids.update(ids)
            while self._held > self._budget:
                identity, _id = self._ids.popitem(last=False)
                self._held -= _weight(identity)

    def forget(self, identities: Iterable[Identity]) -> None:
        with self._lock:
            for identity in identities:
                if self._ids.pop(identity, None) is not None:
                    self._held -= _weight(identity)


def _weight(identity: Identity) -> int:
    return weight(identity.metric, identity.labels)
