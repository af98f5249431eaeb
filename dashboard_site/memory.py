"""What large bodies took goes back to the machine when they are done."""

from __future__ import annotations

import contextlib
import ctypes

M_MMAP_THRESHOLD = -3
"""As malloc.h of glibc has it."""
LARGE = 1024 * 1024


def return_large_blocks() -> None:
    """Have blocks of 1 MiB and more mapped one by one, so that they are unmapped when they are freed.

    By default glibc raises that size to the largest block that was freed. Then each thread that once unpacked bodies
    of 8 MiB keeps some of them: 150 MiB in all, against 80. Where there is no glibc, nothing happens.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE)
