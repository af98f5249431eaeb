"""A Django shell that stays open on a server's database, in a process without a hub."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, Self

from tests.repository import ROOT
from tests.servers.watchfloor import Watchfloor

PROGRAM = """
import contextlib, io, json, sys, traceback
import django
django.setup()
from django.db import close_old_connections
known = {}
for line in sys.stdin:
    close_old_connections()
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            exec(json.loads(line), known)
        answer = {"printed": printed.getvalue().strip()}
    except Exception:
        answer = {"error": traceback.format_exc()}
    print(json.dumps(answer), flush=True)
"""


class Console:
    """What one line defines, the next ones know. Use it as a context manager."""

    def __init__(self, server: Watchfloor) -> None:
        environment = server.environment | {"DJANGO_SETTINGS_MODULE": "dashboard_site.settings"}
        command = [sys.executable, "-c", PROGRAM]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._errors = open(server.folder / "console.log", "a")  # noqa: SIM115 (closed with the process)
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=self._errors, **pipes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._errors.close()

    def run(self, code: str) -> str:
        """What the code prints."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(code) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer["printed"]
