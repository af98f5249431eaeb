"""Orders on standard input: "publish <bytes>", or a word of the contender's own."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable

STAMP = "t0=0000000000000000000;"


def obey(publish: Callable[[str], None]) -> None:
    """Call `publish` with the word after "publish", in a thread as a view would run in; for ever."""
    threading.Thread(target=_read, args=[publish], daemon=True).start()


def stamp() -> str:
    """The time now, as the load generator looks for it in a frame."""
    return f"t0={time.monotonic_ns():019};"


def filled(size: int) -> str:
    """A stamped text of `size` characters."""
    return (stamp() + "fragment " * (size // 9 + 1))[:size]


def _read(publish: Callable[[str], None]) -> None:
    for line in sys.stdin:
        verb, _, what = line.strip().partition(" ")
        if verb == "publish":
            publish(what)
