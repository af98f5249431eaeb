"""`manage.py collect`: several processes, of which one collects, whatever becomes of the others."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import sys
import threading
import time

import psycopg
import pytest

from tests.repository import ROOT
from tests.servers.processes import STOP_S, start, stop
from tests.servers.pulled import pulled_server
from tests.servers.sockets import Socket
from tests.servers.watchfloor import Watchfloor

ALONE = {"COLLECT": "0"}


class Collecting:
    """A process that only collects, on the database of a server."""

    def __init__(self, server: Watchfloor, name: str) -> None:
        self.log_file = server.folder / f"{name}.log"
        command = [sys.executable, "-u", "manage.py", "collect"]
        self.process = start(command, log=self.log_file, cwd=ROOT, env=server.environment)

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def wait_until_up(self) -> None:
        until(lambda: "while nobody else does" in self.log, 60)

    def send(self, number: int) -> None:
        os.kill(self.process.pid, number)


class Database:
    """A look into the server's database, past Django."""

    def __init__(self, server: Watchfloor) -> None:
        self._url = server.environment["DATABASE_URL"]

    def ask(self, query: str) -> list:
        is_file = self._url.startswith("sqlite")
        connection = sqlite3.connect(self._url.removeprefix("sqlite:///")) if is_file else psycopg.connect(self._url)
        with contextlib.closing(connection), connection:
            cursor = connection.execute(query)
            return cursor.fetchall() if cursor.description else []

    def generation(self) -> int:
        return max((row[0] for row in self.ask("SELECT generation FROM metrics_lease")), default=0)

    def samples(self, metric: str) -> list[float]:
        query = "SELECT value FROM metrics_sample JOIN metrics_series ON id = series_id WHERE name = '{}' ORDER BY ts"
        return [row[0] for row in self.ask(query.format(metric))]


def until(condition, seconds):
    """How long it took; fails when it did not come about in time."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, "it did not come about"
        time.sleep(0.05)
    return time.monotonic() - started


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request, tmp_path):
    more = {"DATABASE_URL": request.getfixturevalue("postgres_url")} if request.param == "postgresql" else {}
    with Watchfloor(tmp_path, ALONE | more) as server:
        yield server


@pytest.fixture
def collecting(server):
    """Starts a process on the server's database; those that are left at the end are ended."""
    started = []

    def begin(name):
        started.append(Collecting(server, name))
        return started[-1]

    yield begin
    for one in started:
        if one.process.poll() is None:
            one.send(signal.SIGCONT)
            stop(one.process)


def a_source(server, url, **fields):
    """A source that is fetched every second."""
    server.shell(
        "from metrics.sources.models import Pull, Source\n"
        "source = Source.objects.create(name='pulled', kind='http')\n"
        f"Pull.objects.create(source=source, url={url!r}, interval_s=1, **{fields!r},"
        " values=[{'metric': 'depth', 'path': 'depth'}])"
    )


def test_another_takes_over_within_fifteen_seconds_of_a_kill(server, collecting):
    database = Database(server)
    with pulled_server() as page:
        page.documents["/status"] = {"depth": 1}
        a_source(server, f"{page.url}/status")
        first = collecting("first")
        until(lambda: database.samples("host.cpu") and database.samples("depth"), 60)
        second = collecting("second")
        second.wait_until_up()
        time_of_kill = time.monotonic()
        first.send(signal.SIGKILL)
        page.documents["/status"] = {"depth": 2}
        until(lambda: database.generation() == 2, 15)
        until(lambda: 2.0 in database.samples("depth"), 15 - (time.monotonic() - time_of_kill))
        assert time.monotonic() - time_of_kill < 15
        assert "is the collector" in second.log


def test_one_that_is_told_to_end_lets_another_take_over_at_once(server, collecting):
    database = Database(server)
    first = collecting("first")
    until(lambda: database.generation() == 1, 60)
    collecting("second").wait_until_up()
    first.send(signal.SIGTERM)
    assert first.process.wait(STOP_S) == 0
    until(lambda: database.generation() == 2, 8)
    assert "Traceback" not in first.log


def test_a_server_that_leaves_collecting_to_others_shows_what_they_collect(server, collecting):
    database = Database(server)
    with Socket(server, "/ws/boards/main/") as page:
        page.until_text("beat")
        assert database.generation() == 0
        collecting("first")
        until(lambda: database.samples("host.memory"), 60)
        server.manage("add_kpi", "host.memory", "--name", "Used memory")
        page.until_text("tile-used-memory", seconds=10)
        before = len(database.samples("host.memory"))
        until(lambda: len(database.samples("host.memory")) > before, 10)
        # Nobody tells this server without a Redis: healing finds it.
        page.until_text("tile-used-memory", seconds=6)


@pytest.mark.parametrize("server", ["postgresql"], indirect=True)
def test_one_that_was_stopped_and_resumed_writes_nothing(server, collecting):
    """SQLite has one writer at a time: a process that is stopped in the middle of a transaction stops everybody."""
    database, gate, answers = Database(server), threading.Event(), iter([1.0])
    with pulled_server() as page:

        def answer():
            value = next(answers, None)
            # The first request is answered while the process that sent it stands still.
            return {"depth": 2.0} if value is None else gate.wait(60) and {"depth": value}

        page.documents["/status"] = answer
        a_source(server, f"{page.url}/status", timeout_s=60)
        first = collecting("first")
        until(lambda: len(page.asked) == 1, 60)
        first.send(signal.SIGSTOP)
        gate.set()
        collecting("second").wait_until_up()
        until(lambda: database.generation() == 2 and database.samples("depth"), 20)
        first.send(signal.SIGCONT)
        until(lambda: "is not the collector any more" in first.log, 10)
        before = len(database.samples("depth"))
        until(lambda: len(database.samples("depth")) > before + 1, 10)
        assert set(database.samples("depth")) == {2.0}
        assert database.generation() == 2
        (state,) = database.ask("SELECT failures FROM metrics_pull")
        assert state == (0,)
