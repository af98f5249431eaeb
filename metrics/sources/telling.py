"""Telling others what was stored, without their faults becoming ours."""

from __future__ import annotations

import logging
from collections.abc import Callable

from metrics.series.storing import Stored

logger = logging.getLogger(__name__)


class Teller:
    """Calls `on_stored` for what is worth telling. An error is logged once, until it works again."""

    def __init__(self, on_stored: Callable[[Stored], None]) -> None:
        self._on_stored = on_stored
        self._works = True

    def tell(self, stored: Stored) -> None:
        if not stored.touched and not stored.created:
            return
        try:
            self._on_stored(stored)
        except Exception:
            if self._works:
                logger.exception("what was stored could not be announced; healing will show it")
            self._works = False
        else:
            self._works = True
