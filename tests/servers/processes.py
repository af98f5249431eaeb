"""Starting a program and waiting until it answers."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
READY_S = 60.0
STOP_S = 15.0


class NotInstalled(Exception):
    """A program that the tests need is missing; the message says what to install."""


class DidNotStart(Exception):
    """A program ended or did not answer in time; the message ends with its log."""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def running(
    command: Sequence[Any], *, log: Path, probe: Callable[[], Any], **options: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program from when `probe` no longer raises OSError until the block ends."""
    process = start(command, log=log, **options)
    try:
        wait_until_ready(process, log, probe)
        yield process
    finally:
        stop(process)


def start(command: Sequence[Any], *, log: Path, **options: Any) -> subprocess.Popen[bytes]:
    with open(log, "ab") as output:
        return subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=output, stderr=output, **options
        )


def wait_until_ready(process: subprocess.Popen[bytes], log: Path, probe: Callable[[], Any]) -> None:
    deadline = time.monotonic() + READY_S
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            probe()
            return
        time.sleep(0.03)
    state = "not ready in time" if process.poll() is None else f"ended with {process.returncode}"
    raise DidNotStart(f"{process.args!r}: {state}\n{log.read_text(errors='replace')[-4000:]}")


def stop(process: subprocess.Popen[bytes]) -> int:
    """Ask politely, then not; the exit status."""
    process.terminate()
    try:
        return process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def package_folder(name: str) -> Path | None:
    """Where an installed package lies, without importing it: some do more at import than the tests want."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None
