"""The writers of one process wait in a row for the one write transaction that SQLite has at a time.

SQLite itself makes them sleep and look again, after 1, 2, 5 and up to 100 ms: where a transaction takes 2 ms, of fifty
messages a second one had to wait 60. Writers in other processes still wait in that way.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import Any

from django.db import OperationalError
from django.db.backends.sqlite3 import base

_turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
"""By the database's name."""


class DatabaseWrapper(base.DatabaseWrapper):
    """Has the turn from BEGIN until COMMIT, ROLLBACK or the end of the connection.

    Waits for it as long as the option `timeout` says, which is how long SQLite itself waits (seconds).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._has_turn = False

    def _start_transaction_under_autocommit(self) -> None:
        self._take_turn()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            self._pass_on()
            raise

    def _commit(self) -> None:
        super()._commit()  # type: ignore[misc]
        self._pass_on()  # A commit that fails is followed by a rollback.

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self._pass_on()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self._pass_on()

    def _take_turn(self) -> None:
        if not self._turn.acquire(timeout=self.settings_dict["OPTIONS"]["timeout"]):
            raise OperationalError("database is locked")
        self._has_turn = True

    def _pass_on(self) -> None:
        if self._has_turn:
            self._has_turn = False
            self._turn.release()

    @property
    def _turn(self) -> threading.Lock:
        return _turns[str(self.settings_dict["NAME"])]
