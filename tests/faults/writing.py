"""People who write: by POST as a page does it, again and again until it is answered as stored."""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlencode

CSRF = "c" * 32
RETRY_S = 0.1
PATIENCE_S = 30.0
NOTE = re.compile(r"\[\[(\S+?)@([\d.]+)\]\]")
"""What our messages begin with: a name that occurs once, and when it was sent (monotonic)."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a session."""

    name: str
    session: str

    @property
    def cookie(self) -> str:
        return f"sessionid={self.session}; csrftoken={CSRF}"


class Writer(threading.Thread):
    """Says one thing after another in a room, `rate` a second (0: as fast as it is answered), until told to stop.

    It begins `after_s`, so that several writers do not all speak at the same moments.

    `stored` maps each text that was answered as stored to its seq; `statuses` counts every other answer.
    """

    def __init__(
        self, port: int, room: str, person: Person, *, rate: float = 0, size: int = 0, after_s: float = 0
    ) -> None:
        super().__init__(daemon=True)
        self.stored: dict[str, int] = {}
        self.tries = 0
        self.statuses: dict[int, int] = {}
        self.longest_s = 0.0
        self.last_stored_at = 0.0
        self._port, self._room, self._person = port, room, person
        self._rate, self._size, self._after_s = rate, size, after_s
        self._stopping = threading.Event()
        self._connection: http.client.HTTPConnection | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stopping.set()
        self.join(PATIENCE_S + 10)
        assert not self.is_alive(), "the writer waits for ever"

    def run(self) -> None:
        number, due = 0, time.monotonic() + self._after_s
        self._stopping.wait(self._after_s)
        while not self._stopping.is_set():
            number += 1
            self.say(f"{self._person.name}-{number}")
            due += 1 / self._rate if self._rate else 0
            if (early := due - time.monotonic()) > 0:
                self._stopping.wait(early)

    def say(self, name: str) -> int:
        """Post it until it is answered as stored; its seq."""
        started = time.monotonic()
        text = f"[[{name}@{started:.4f}]]".ljust(self._size, "x")
        while (seq := self._post(text, cid=name)) is None:
            assert time.monotonic() - started < PATIENCE_S, f"not stored within {PATIENCE_S} s: {self.statuses}"
            time.sleep(RETRY_S)
        self.last_stored_at = time.monotonic()
        self.longest_s = max(self.longest_s, self.last_stored_at - started)
        self.stored[name] = seq
        return seq

    def _post(self, text: str, cid: str) -> int | None:
        self.tries += 1
        try:
            status, body = self._ask(urlencode({"message": text, "cid": cid}))
        except (OSError, http.client.HTTPException):
            self._hang_up()
            return None
        found = re.search(rf"message-{self._room}-(\d+)", body)
        if status == 200 and found:
            return int(found[1])
        self.statuses[status] = self.statuses.get(status, 0) + 1
        assert status >= 500, f"{status}: {body[:500]}"
        return None

    def _ask(self, form: str) -> tuple[int, str]:
        self._connection = self._connection or http.client.HTTPConnection("127.0.0.1", self._port, timeout=8)
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": self._person.cookie,
            "Origin": f"http://127.0.0.1:{self._port}",
            "X-CSRFToken": CSRF,
            "HX-Request": "true",
        }
        self._connection.request("POST", f"/chat/{self._room}/messages/", form, headers)
        answer = self._connection.getresponse()
        return answer.status, answer.read().decode()

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def repeatedly(work: Callable[[], object], every_s: float) -> Callable[[], None]:
    """Do it in a thread until the function that is returned is called."""
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(every_s):
            work()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def end() -> None:
        stop.set()
        thread.join(10)

    return end
