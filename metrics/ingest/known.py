"""Series that were met before, by what a sender wrote: reading and checking labels takes longer than all the rest."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from metrics.ingest.families import Description
from metrics.ingest.wire import TooMuch
from metrics.recent import Recent
from metrics.sentences import sentence as _
from metrics.series.readings import Identity


class Known(NamedTuple):
    identity: Identity
    description: Description


KNOWN: Recent[Hashable, Known] = Recent(48 * 1024 * 1024)
"""One budget for all formats, in bytes as Python keeps keys and labels: about 15,000 series of ten labels.

Keys begin with the sender and its default labels, so that nobody meets another's series.
"""

MOST_NEW = 25_000
"""Series of one request that were not met before; each takes 15 µs."""
LARGEST_LABEL = 8 * 1024
"""Bytes of a label or attribute, above which its text is longer than is kept, whatever it holds."""


class Meetings:
    """The look-ups of one request."""

    def __init__(self, most: int = MOST_NEW) -> None:
        self._left = most

    def known(self, key: Hashable) -> Known | None:
        """The series, or None when it has to be read. Raises TooMuch when too many have to be."""
        known = KNOWN.get(key)
        if known is None:
            self._left -= 1
            if self._left < 0:
                raise TooMuch(_("the body holds too many series that are new here; send them in several requests"))
        return known
