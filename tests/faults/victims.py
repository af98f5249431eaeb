"""Servers that tests kill, freeze and start again."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, Self

import psutil

from tests.servers.processes import AS_ROOT, start, stop, wait_until_ready

END_S = 15.0


class Victim(Protocol):
    """What `Watchfloor` offers, and `Adopted` for everything else."""

    def start(self) -> None: ...

    def kill(self) -> None: ...

    def freeze(self) -> None: ...

    def thaw(self) -> None: ...

    def restart(self) -> None: ...


class Adopted:
    """A server that somebody else started, found by the port on which it listens.

    It is started again as it was: the same command line, account and directory. `command` gives the arguments of one
    that writes a title over them, as Redis does. A signal reaches the whole family, since PostgreSQL and nginx work in
    child processes.
    """

    def __init__(self, port: int, log: Path, *, end_with: int = signal.SIGTERM, command: Sequence[Any] = ()) -> None:
        found = _listening_on(port)
        self.port, self.log_file = port, log
        self._end_with = end_with
        self._command = [found.exe(), *command] if command else found.cmdline()
        self.folder = Path(found.cwd())
        self._account = _account(found)
        self._process: psutil.Process | None = found
        self._own: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.thaw()
        if self._own is not None:
            stop(self._own)

    def start(self) -> None:
        self._own = start(self._command, log=self.log_file, cwd=self.folder, **self._account)
        wait_until_ready(self._own, self.log_file, self._connect)
        self._process = psutil.Process(self._own.pid)

    def kill(self) -> None:
        self._end(signal.SIGKILL, self._family())

    def freeze(self) -> None:
        self._signal(signal.SIGSTOP, self._family())

    def thaw(self) -> None:
        self._signal(signal.SIGCONT, self._family())

    def restart(self) -> None:
        family = self._family()
        self._end(self._end_with, family[:1], wait_for=family)
        self.start()

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.is_running()

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def _family(self) -> list[psutil.Process]:
        if self._process is None or not self._process.is_running():
            return []
        return [self._process, *self._process.children(recursive=True)]

    def _end(
        self, number: int, processes: list[psutil.Process], *, wait_for: list[psutil.Process] | None = None
    ) -> None:
        self._signal(number, processes)
        if self._own is not None:
            self._own.wait(END_S)
        _gone, alive = psutil.wait_procs(wait_for or processes, END_S)
        assert not [one for one in alive if one.status() != psutil.STATUS_ZOMBIE], f"still there: {alive}"
        self._process = self._own = None

    def _signal(self, number: int, processes: list[psutil.Process]) -> None:
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def _connect(self) -> None:
        socket.create_connection(("127.0.0.1", self.port), 1).close()


def _listening_on(port: int) -> psutil.Process:
    """The process that listens there, or the head of the family that does."""
    deadline = time.monotonic() + END_S
    while True:
        try:
            return _head(next(one.pid for one in psutil.net_connections("tcp") if _is_listening(one, port)))
        except (StopIteration, psutil.NoSuchProcess):  # A child that has ended meanwhile.
            assert time.monotonic() < deadline, f"nobody listens on {port}"


def _is_listening(connection: Any, port: int) -> bool:
    return connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid


def _head(pid: int) -> psutil.Process:
    process = psutil.Process(pid)
    while (parent := process.parent()) is not None and parent.exe() == process.exe():
        process = parent
    return process


def _account(process: psutil.Process) -> dict[str, Any]:
    if not AS_ROOT or process.uids().real == 0:
        return {}
    return {"user": process.uids().real, "group": process.gids().real, "extra_groups": []}
