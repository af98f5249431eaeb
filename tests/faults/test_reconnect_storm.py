"""One of two processes is killed: everybody comes back to the other, quickly, cheaply, and pages still load."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.faults.crowd import until
from tests.faults.measuring import figures, percentile, report
from tests.faults.sizes import sized
from tests.faults.stack import BOARD, Stack, coming_back, socket_of

SOCKETS = sized(300, 1000)
MOST_S, ALL_S = 5.0, 15.0
QUERIES = 3
PAGE_S = 1.0
STATEMENT = re.compile(r"(?:statement|execute [^:]*): (.*)")
QUIET_S = sized(1.0, 3.0)


@pytest.fixture
def statements(stack) -> Iterator[StatementLog]:
    log = StatementLog(stack)
    stack.execute("ALTER SYSTEM SET log_statement = 'all'")
    stack.execute("SELECT pg_reload_conf()")
    yield log
    stack.execute("ALTER SYSTEM RESET log_statement")
    stack.execute("SELECT pg_reload_conf()")


class StatementLog:
    """What PostgreSQL was asked, from its own log."""

    def __init__(self, stack: Stack) -> None:
        self._file = stack.postgres.log_file
        self._at = 0

    def take(self) -> list[str]:
        """The statements since the last call."""
        with self._file.open(errors="replace") as file:
            file.seek(self._at)
            text = file.read()
            self._at = file.tell()
        return [statement for statement in STATEMENT.findall(text) if not statement.startswith("ALTER SYSTEM")]


class Caller(threading.Thread):
    """Loads a page again and again: how long each took."""

    def __init__(self, stack: Stack) -> None:
        super().__init__(daemon=True)
        self.took: list[float] = []
        self._stack = stack
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.wait(0.2):
            started = time.monotonic()
            self._stack.get(BOARD, person=self._stack.people[0], port=self._stack.apps[1].port)
            self.took.append(time.monotonic() - started)

    def stop(self) -> None:
        self._stopping.set()
        self.join(10)


@dataclass(frozen=True)
class Usual:
    """What is asked anyway: statements a second by the processes that live on, and by a page."""

    a_second: float
    a_page: float

    def without(self, statements: int, *, seconds: float, pages: int) -> float:
        return statements - seconds * self.a_second - pages * self.a_page


def measure_usual(stack: Stack, statements: StatementLog) -> Usual:
    pages = 10
    statements.take()
    time.sleep(QUIET_S)
    # One of the three processes is about to go.
    a_second = len(statements.take()) / QUIET_S * 2 / 3
    started = time.monotonic()
    for _ in range(pages):
        stack.get(BOARD, person=stack.people[0], port=stack.apps[1].port)
    took = time.monotonic() - started
    return Usual(a_second, (len(statements.take()) - took * a_second * 3 / 2) / pages)


def test_everybody_comes_back_quickly_and_cheaply(stack, crowd, statements):
    page = stack.page(BOARD)
    for number in range(SOCKETS):
        person = stack.people[number % len(stack.people)]
        crowd.invite([socket_of(page, stack.nginx.port, person=person)], coming_back=coming_back(page))
    crowd.gather(crowd.members, together=25)
    time.sleep(QUIET_S)  # Those who came have been told of each other.
    usual = measure_usual(stack, statements)
    ended = Counter(closing.code for member in crowd.members for closing in member.closed)
    assert not ended, f"before anything was killed, sockets were ended: {ended}"

    renders = figures(stack.apps[1])["watchfloor_renders_total"]
    statements.take()
    killed = time.monotonic()
    stack.apps[0].kill()
    until(
        lambda: sum(bool(member.closed) for member in crowd.members) >= SOCKETS // 3, 5, "a third has lost its socket"
    )
    caller = Caller(stack)
    caller.start()
    until(lambda: all(member.is_served for member in crowd.members), ALL_S + 1, "all are back")
    caller.stop()
    lost = [member for member in crowd.members if member.closed]
    back = sorted(member.first_heard[-1] - killed for member in lost)
    renders = figures(stack.apps[1])["watchfloor_renders_total"] - renders
    asked = len(statements.take())
    cost = usual.without(asked, seconds=time.monotonic() - killed, pages=len(caller.took)) / len(lost)
    report(
        "reconnect storm",
        sockets=SOCKETS,
        lost=len(lost),
        p50_s=percentile(back, 50),
        p95_s=percentile(back, 95),
        all_s=back[-1],
        queries=cost,
        renders=renders,
        page_s=max(caller.took),
    )
    assert percentile(back, 95) <= MOST_S
    assert back[-1] <= ALL_S
    assert max(caller.took) <= PAGE_S
    assert cost <= QUERIES
