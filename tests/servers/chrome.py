"""A real browser, and pages that remember every complaint it makes."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    Playwright,
    expect,
    sync_playwright,
)

from tests.servers.processes import AS_ROOT, NotInstalled
from tests.servers.watchfloor import PASSWORD, Watchfloor, csrf_token

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")
OPTIONS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
# Docker gives /dev/shm 64 MB, which several tabs exceed.
OPTIONS += ["--disable-dev-shm-usage", *(["--no-sandbox"] if AS_ROOT else [])]
# A server that is down or restarting: the browser reports each attempt to reach it.
SERVER_AWAY = re.compile(
    r"ERR_CONNECTION|ERR_EMPTY_RESPONSE|Connection closed|WebSocket connection to .* failed|htmx:ws:error"
)
# Somebody who goes on before the page has connected.
LEFT = re.compile(r"WebSocket is closed before the connection is established")
PATIENCE_S = 10

expect.set_options(timeout=8_000)


@contextlib.contextmanager
def chrome() -> Iterator[Browser]:
    """`CHROME`, or a Chromium, Chrome or Edge on the path, or the one that Playwright downloads."""
    with sync_playwright() as playwright:
        browser = _launch(playwright, os.environ.get("CHROME") or next(filter(None, map(shutil.which, NAMES)), None))
        try:
            yield browser
        finally:
            browser.close()


def _launch(playwright: Playwright, program: str | None) -> Browser:
    options: dict[str, Any] = {"args": OPTIONS, "executable_path": program}
    with contextlib.suppress(Error):
        return playwright.chromium.launch(**options)
    if not program and _download().returncode == 0:
        return playwright.chromium.launch(**options)
    found = f"{program} does not start" if program else "No browser"
    raise NotInstalled(f"{found}: install Chromium (Debian: apt-get install chromium), or set CHROME to its path.")


def _download() -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"], check=False)


class Visitor:
    """Somebody at a browser of their own: a fresh set of cookies, any number of tabs, and the complaints they saw.

    A complaint is a console error or warning, an uncaught error of a script, or a breach of the Content Security
    Policy (which Chromium reports as a console error). `allow` names those that a test causes on purpose.
    """

    def __init__(self, browser: Browser, server: Watchfloor, **options: Any) -> None:
        self.server = server
        self.context: BrowserContext = browser.new_context(base_url=server.url, **({"locale": "en-GB"} | options))
        self.context.on("console", self._note)
        self.context.on("weberror", lambda problem: self.complaints.append(f"script: {problem.error}"))
        self.complaints: list[str] = []
        self._allowed = [LEFT]

    def open(self, path: str = "/", *, connected: bool = True) -> Page:
        """A new tab with this page; returns when its socket has brought the first frame."""
        page = self.context.new_page()
        frames: list[str | bytes] = []
        page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(frame)))
        page.goto(path)
        deadline = time.monotonic() + PATIENCE_S
        while connected and not frames:
            assert time.monotonic() < deadline, f"no frame arrived on {path}"
            page.wait_for_timeout(20)
        return page

    def sign_in(self, name: str) -> None:
        """As the form does it, without drawing the pages."""
        form = self.context.request.get("/accounts/login/").text()
        fields: dict[str, str | float | bool] = {
            "username": name,
            "password": PASSWORD,
            "csrfmiddlewaretoken": csrf_token(form),
        }
        self.context.request.post("/accounts/login/", form=fields, headers={"Origin": self.server.url})
        assert any(cookie["name"] == "sessionid" for cookie in self.context.cookies()), f"{name} could not sign in"

    def allow(self, complaint: re.Pattern[str]) -> None:
        self._allowed.append(complaint)

    def close(self) -> list[str]:
        """Leave; the complaints that were not allowed."""
        self.context.close()
        return [text for text in self.complaints if not any(known.search(text) for known in self._allowed)]

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")
