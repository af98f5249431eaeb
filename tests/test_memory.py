"""What the server's threads free does not stay in heaps of their own."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.repository import ROOT

PROGRAM = """
import ctypes
from threading import Barrier, Thread
from dashboard_site.memory import return_blocks
if {is_set}:
    return_blocks()
together = Barrier(6)
def work():
    kept = [bytes(5_000) for _ in range(100)]
    together.wait()
threads = [Thread(target=work) for _ in range(6)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc = ctypes.CDLL(None)
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
"""


@pytest.mark.parametrize("is_set, heaps", [(True, range(1, 3)), (False, range(3, 99))])
def test_six_threads_share_two_heaps(is_set, heaps):
    command = [sys.executable, "-c", PROGRAM.format(is_set=is_set)]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert len(re.findall(r"<heap nr=", said)) in heaps
