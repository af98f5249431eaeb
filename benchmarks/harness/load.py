"""The load generator: many open sockets in a process of its own (wsload.c)."""

from __future__ import annotations

import atexit
import select
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

SOURCE = Path(__file__).parents[1] / "wsload.c"
IN_FLIGHT = 128
OPEN_WITHIN_S = 120.0
REPORT_WITHIN_S = 30.0


class LoadFailed(Exception):
    """The sockets did not open, or a frame is missing; the message says how many."""


@dataclass(frozen=True, slots=True)
class Received:
    """What all sockets together received since the last report; ages of marked frames in microseconds.

    `open` are open now, and `greeted` have had a first frame since the start.
    `cpu_ns` is the generator's own time for it.
    """

    marked: int
    frames: int
    bytes: int
    open: int
    greeted: int
    p50: int
    p99: int
    max: int
    cpu_ns: int


class Load:
    """`sockets` open sockets at a path of this machine. `cookies` are Cookie headers, taken in turn.

    The sockets open on entry. Raises LoadFailed when one does not.
    """

    def __init__(
        self, port: int, path: str, sockets: int, *, cookies: list[str] | None = None, in_flight: int = IN_FLIGHT
    ) -> None:
        self.sockets = sockets
        self._arguments = [str(port), path, str(sockets), str(in_flight)]
        self._cookies = cookies or []
        self._folder = tempfile.TemporaryDirectory(prefix="watchfloor-load-")

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [_program(), *self._arguments, *self._cookie_file()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        try:
            self.seconds_to_open = self._opened()
        except LoadFailed:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()

    def await_marked(self, count: int, seconds: float = REPORT_WITHIN_S) -> int:
        """Wait until `count` marked frames have come since the last report, or the time is up; how many have."""
        self._say(f"await {count} {int(seconds * 1000)}")
        return int(self._line(seconds + 5).split()[1])

    def report(self) -> Received:
        """What came since the last report."""
        self._say("report")
        pairs = (word.split("=") for word in self._line(REPORT_WITHIN_S).split())
        return Received(**{name: int(value) for name, value in pairs})

    def _opened(self) -> float:
        _word, _opened, failed, seconds = self._line(OPEN_WITHIN_S).split()
        if int(failed):
            raise LoadFailed(f"{failed} of {self.sockets} sockets did not open")
        return float(seconds)

    def _cookie_file(self) -> list[str]:
        if not self._cookies:
            return []
        file = Path(self._folder.name) / "cookies"
        file.write_text("\n".join(self._cookies) + "\n")
        return [str(file)]

    def _say(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n")

    def _line(self, seconds: float) -> str:
        output = self._process.stdout
        assert output
        if not select.select([output], [], [], seconds)[0]:
            raise LoadFailed(f"the load generator said nothing for {seconds:.0f} s")
        line = output.readline()
        if not line:
            raise LoadFailed("the load generator ended")
        return line


@cache
def _program() -> str:
    """The generator, compiled once per run."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise SystemExit("No C compiler for the load generator: install gcc (Debian: apt-get install gcc).")
    folder = Path(tempfile.mkdtemp(prefix="watchfloor-wsload-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    subprocess.run([compiler, "-O2", "-o", folder / "wsload", SOURCE], check=True)
    return str(folder / "wsload")
