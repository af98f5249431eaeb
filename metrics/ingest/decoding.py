"""Running a format's `take` on bodies that anybody may have written: beside the loop, two at a time."""

from __future__ import annotations

import asyncio
import logging
import traceback
from dataclasses import replace

from django.db import DataError, InterfaceError, OperationalError

from live.database import in_pool
from metrics.ingest.calls import Call, Endpoint, Taken
from metrics.ingest.problems import Problem, come_again
from metrics.ingest.unpacking import gunzip
from metrics.sentences import placed
from metrics.sentences import sentence as _

logger = logging.getLogger(__name__)

AT_ONCE = 2
"""Bodies decoded at the same time: one of 8 MiB may take a hundred as it becomes objects."""
PATIENCE_S = 5.0
LONG = 64 * 1024
"""Bodies above this are decoded in a thread, since the loop that pushes to pages would stand still for them."""
DENSE = 20
"""How much longer a body with a content encoding may become (snappy: 21 times)."""


class Decoder:
    """One per process."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(AT_ONCE)
        self._known_faults: set[tuple[str, type[Exception]]] = set()

    async def take(self, endpoint: Endpoint, call: Call, *, gzipped: bool = False) -> Taken:
        """What the body comes to; with `gzipped` it is unpacked first. Raises Problem and nothing else."""
        if _is_quick(endpoint, call, gzipped):
            return self._take(endpoint, call)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._room.acquire()
        except TimeoutError:
            raise come_again("too many bodies are waiting to be decoded") from None
        try:
            return await in_pool(self._unpack_and_take if gzipped else self._take, endpoint, call)
        except TimeoutError:
            raise come_again("the server is busy") from None
        finally:
            self._room.release()

    def _unpack_and_take(self, endpoint: Endpoint, call: Call) -> Taken:
        return self._take(endpoint, replace(call, body=gunzip(call.body, endpoint.unpacked)))

    def _take(self, endpoint: Endpoint, call: Call) -> Taken:
        try:
            return endpoint.take(call)
        except Problem:
            raise
        except (OperationalError, InterfaceError, TimeoutError):
            raise come_again("the database does not answer") from None
        except DataError:
            raise Problem(400, placed("body", _("the database refuses what it says"))) from None
        except Exception as error:
            self._log_once(endpoint, error)
            # Not 500: it is sent again for ever, and what waits behind it is never sent.
            fault = _("this cannot be taken; the fault is the server's, and its log says more")
            raise Problem(400, placed("body", fault)) from None

    def _log_once(self, endpoint: Endpoint, error: Exception) -> None:
        """Where it happened and not what was sent: an error's text may quote the sender."""
        kind = (endpoint.name, type(error))
        if kind not in self._known_faults:
            self._known_faults.add(kind)
            where = "".join(traceback.format_tb(error.__traceback__))
            logger.error("%s: a body led to %s, which is a fault of ours:\n%s", endpoint.name, kind[1].__name__, where)


def _is_quick(endpoint: Endpoint, call: Call, gzipped: bool) -> bool:
    if not endpoint.is_pure or gzipped:
        return False
    is_plain = call.headers.get("content-encoding", "identity") == "identity"
    return len(call.body) < (LONG if is_plain else LONG // DENSE)
