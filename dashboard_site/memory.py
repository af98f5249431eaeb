"""What bodies took goes back to the machine when they are done."""

from __future__ import annotations

import contextlib
import ctypes

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8
"""As malloc.h of glibc has them."""
LARGE = 256 * 1024
ARENAS = 2


def return_blocks() -> None:
    """Have large blocks mapped one by one, so that they are unmapped when they are freed, and few heaps for the others.

    By default glibc raises that size to the largest block that was freed, and has up to eight heaps for each processor.
    Then each thread that once unpacked bodies of 8 MiB keeps some of them, and whichever thread the next body comes to
    spreads the holes over another heap. Where there is no glibc, nothing happens.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, LARGE)
        mallopt(M_ARENA_MAX, ARENAS)
