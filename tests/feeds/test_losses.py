"""A database that stands still for ten seconds and servers that are killed: nothing is lost, and nothing counts twice.

One Prometheus writes to two servers at once, one on SQLite and one on PostgreSQL, with a program beside it at each.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.faults.crowd import until
from tests.faults.measuring import report
from tests.faults.sizes import sized
from tests.faults.victims import Adopted
from tests.feeds.counters import counters, samples_of
from tests.feeds.kept import Samples, assert_rolled_up, samples
from tests.feeds.program import Program, tokens
from tests.servers.postgres import new_database
from tests.servers.prometheus import Prometheus, prometheus
from tests.servers.watchfloor import Watchfloor

STILL_S = 10.0
KILLS = sized(1, 8)
"""Besides the one while the database stands still."""
BATCHES = 15
"""Of the program between two kills."""
SOON_S = 60.0
WRITE = """\
remote_write:
"""
EACH = """\
  - url: {url}/api/v1/write
    authorization: {{credentials: {token}}}
    # By default it sends after 5 s, and comes again after up to 5 s.
    queue_config: {{batch_send_deadline: 200ms, max_backoff: 1s}}
"""


class LockedFile:
    """Somebody else's transaction: nobody writes to the SQLite file meanwhile."""

    def __init__(self, url: str) -> None:
        path = url.removeprefix("sqlite:///")
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=30, check_same_thread=False)

    def freeze(self) -> None:
        self._connection.execute("BEGIN EXCLUSIVE")

    def thaw(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


@dataclass
class Place:
    """A server, the program that sends to it, and how to make its database stand still. `token` is Prometheus'."""

    server: Watchfloor
    program: Program
    database: LockedFile | Adopted
    token: str

    def stand_still(self) -> None:
        self.database.freeze()
        until(lambda: self.program.answers[503], STILL_S, "the program is told to come again")

    def die(self) -> None:
        """While its database stands still: nobody knows of what was under way whether it is stored."""
        self.server.kill()
        self.database.thaw()
        self.server.start()

    def send(self) -> None:
        enough = self.program.batches + BATCHES
        until(lambda: self.program.batches >= enough, SOON_S, "the program sends")

    def die_while_it_stores(self) -> None:
        self.send()
        self.server.kill()
        self.server.start()


@pytest.fixture
def places(postgres: str, tmp_path_factory) -> Iterator[list[Place]]:
    with contextlib.ExitStack() as exits:
        url = new_database(postgres, "watchfloor_losses")
        folders = [tmp_path_factory.mktemp(name) for name in ("lite", "post")]
        servers = [Watchfloor(folders[0]), Watchfloor(folders[1], {"DATABASE_URL": url})]
        made = together(lambda server: _place(exits, server), servers)
        yield made
        for place in made:
            place.database.thaw()


def _place(exits: contextlib.ExitStack, server: Watchfloor) -> Place:
    exits.enter_context(server)
    url = server.environment["DATABASE_URL"]
    database = LockedFile(url) if url.startswith("sqlite") else Adopted(urlsplit(url).port or 5432, Path("unused"))
    its, theirs = tokens(server, "program", "prometheus")
    return Place(server, Program(server.url, its), database, theirs)


def writing_to(places: list[Place], folder: Path) -> AbstractContextManager[Prometheus]:
    more = WRITE + "".join(EACH.format(url=place.server.url, token=place.token) for place in places)
    return prometheus(folder, more)


def together(work: Callable, things: list) -> list:
    with ThreadPoolExecutor(len(things)) as threads:
        return list(threads.map(work, things))


def test_nothing_is_lost_and_nothing_is_counted_twice(places, tmp_path):
    with contextlib.ExitStack() as programs, writing_to(places, tmp_path) as sender:
        for place in places:
            programs.enter_context(place.program)
        break_and_mend(places)
        for place in places:
            place.program.end()
        until_ms = time.time_ns() // 1_000_000
        expected = samples_of(sender, '{job="node"}', until_ms)
        for place in places:
            assert_kept(place, expected, until_ms)
            assert_told_of_trouble(place, sender)
    for place in places:
        assert samples(place.server, "program") == place.program.stored
        rolled_up = [assert_rolled_up(place.server, source) for source in ("program", "prometheus")]
        answers = str(dict(place.program.answers))
        report("losses", of_prometheus=sum(map(len, expected.values())), answers=answers, rolled_up=str(rolled_up))


def break_and_mend(places: list[Place]) -> None:
    together(Place.send, places)
    began = time.monotonic()
    together(Place.stand_still, places)
    until(lambda: time.monotonic() - began >= STILL_S, STILL_S + 1, "ten seconds are over")
    together(Place.die, places)
    for _ in range(KILLS):
        together(Place.die_while_it_stores, places)
    together(Place.send, places)


def assert_told_of_trouble(place: Place, sender: Prometheus) -> None:
    """There was trouble, and both senders know of nothing that is lost."""
    assert place.program.answers.keys() == {204, 503, 0}
    counted = counters(sender, url=place.server.url)
    assert counted["samples_retried_total"] > 0
    assert (counted["samples_failed_total"], counted["samples_dropped_total"]) == (0, 0)


def assert_kept(place: Place, expected: Samples, until_ms: int) -> None:
    def kept() -> Samples:
        found = samples(place.server, "prometheus")
        return {key: cut for key, times in found.items() if (cut := {t: v for t, v in times.items() if t <= until_ms})}

    with contextlib.suppress(AssertionError):  # the comparison says what is missing
        until(lambda: kept() == expected, SOON_S, look_every_s=0.5)
    found = kept()
    assert found.keys() == expected.keys()
    assert [(key, found[key].keys() ^ expected[key].keys()) for key in expected if found[key] != expected[key]] == []
