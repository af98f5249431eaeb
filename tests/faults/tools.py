"""A Chromium spoken to by the DevTools protocol alone: Playwright's pages are never hidden."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.servers.chrome import NAMES, OPTIONS
from tests.servers.processes import NotInstalled

START_S = 20.0


class Tools:
    """One connection to the browser."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._numbers = itertools.count(1)

    def ask(self, method: str, session: str = "", **given: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": given}
        self._connection.send(json.dumps(message | ({"sessionId": session} if session else {})))
        while (answer := json.loads(self._connection.recv(30))).get("id") != number:
            pass  # An event.
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    def open(self, address: str) -> RawTab:
        """A new tab, which takes the place of the one that was looked at."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        # Answered when the document of the address is there, so that scripts run in it.
        self.ask("Page.navigate", session, url=address)
        return RawTab(self, target, session)


class RawTab:
    def __init__(self, tools: Tools, target: str, session: str) -> None:
        self._tools, self._target, self._session = tools, target, session

    def show(self) -> None:
        self._tools.ask("Target.activateTarget", targetId=self._target)

    def evaluate(self, expression: str) -> Any:
        found = self._tools.ask("Runtime.evaluate", self._session, expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")


@contextlib.contextmanager
def chromium(folder: Path) -> Iterator[Tools]:
    """Its profile is in the folder."""
    program = os.environ.get("CHROME") or next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        raise NotInstalled("No browser: install Chromium (Debian: apt-get install chromium), or set CHROME.")
    options = ["--headless", f"--user-data-dir={folder}", "--remote-debugging-port=0", *OPTIONS, "about:blank"]
    with open(folder / "browser.log", "wb") as log:
        process = subprocess.Popen([program, *options], stdout=log, stderr=log)
    try:
        with connect(_address(folder), max_size=None, proxy=None) as connection:
            yield Tools(connection)
    finally:
        process.terminate()
        process.wait(10)


def _address(folder: Path) -> str:
    """Chromium writes its port and path into this file when it is ready."""
    ends = time.monotonic() + START_S
    while time.monotonic() < ends:
        with contextlib.suppress(FileNotFoundError, ValueError):
            port, path = (folder / "DevToolsActivePort").read_text().split()
            return f"ws://127.0.0.1:{port}{path}"
        time.sleep(0.05)
    raise AssertionError("Chromium did not start.")
