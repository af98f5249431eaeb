"""Writers on SQLite take turns, and whoever fails or goes away passes the turn on."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, OperationalError

from live.sqlite.base import DatabaseWrapper

pytestmark = pytest.mark.django_db(transaction=True)
WRITERS, EACH = 8, 20
HELD_S = 0.004


@pytest.fixture
def name(tmp_path) -> str:
    path = str(tmp_path / "turns.sqlite3")
    with sqlite3.connect(path) as made:
        made.execute("PRAGMA journal_mode=WAL")
        made.execute("CREATE TABLE said (name TEXT UNIQUE)")
    return path


def connect(name: str, timeout: float = 20) -> DatabaseWrapper:
    options = {"transaction_mode": "IMMEDIATE", "timeout": timeout}
    settings = {"ENGINE": "live.sqlite", "NAME": name, "OPTIONS": options, "AUTOCOMMIT": True, "TIME_ZONE": None}
    settings |= {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": False, "ATOMIC_REQUESTS": False}
    settings |= {"USER": "", "PASSWORD": "", "HOST": "", "PORT": "", "TEST": {}}
    return DatabaseWrapper(settings, alias="turns")


@pytest.fixture
def connection(name) -> Iterator[DatabaseWrapper]:
    connection = connect(name)
    yield connection
    connection.close()


def begin(connection: DatabaseWrapper) -> None:
    connection.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)


def say(connection: DatabaseWrapper, text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO said VALUES (%s)", [text])


def end(connection: DatabaseWrapper) -> None:
    connection.commit()
    connection.set_autocommit(True)


def write(name: str, writer: int) -> list[float]:
    """How long each of a writer's transactions waited for its turn."""
    connection, waits = connect(name), []
    for number in range(EACH):
        asked = time.monotonic()
        begin(connection)
        waits.append(time.monotonic() - asked)
        say(connection, f"{writer}-{number}")
        time.sleep(HELD_S)
        end(connection)
    connection.close()
    return waits


def test_nobody_sleeps_while_it_is_their_turn(name):
    """SQLite's own waiting goes up to 100 ms at a time, which leaves the database unused in between."""
    started = time.monotonic()
    with ThreadPoolExecutor(WRITERS) as threads:
        waits = [wait for found in threads.map(lambda writer: write(name, writer), range(WRITERS)) for wait in found]
    took = time.monotonic() - started
    with sqlite3.connect(name) as stored:
        assert stored.execute("SELECT count(*) FROM said").fetchone() == (WRITERS * EACH,)
    busy = WRITERS * EACH * HELD_S
    assert took < 3 * busy
    assert max(waits) < took / 2, "somebody waited while the others went again and again"


@pytest.mark.parametrize("ending", ["rollback", "close", "commit that fails"])
def test_the_turn_is_passed_on(name, connection, ending):
    begin(connection)
    say(connection, "first")
    if ending == "close":
        connection.close()
    elif ending == "rollback":
        connection.rollback()
    else:
        with pytest.raises(IntegrityError):
            say(connection, "first")
        connection.rollback()
    other = connect(name)
    begin(other)
    say(other, "second")
    end(other)
    other.close()


def test_who_waits_too_long_is_told_as_by_sqlite(name, connection):
    begin(connection)
    other = connect(name, timeout=0.05)
    with pytest.raises(OperationalError, match="database is locked"):
        begin(other)
    end(connection)


def test_a_begin_that_fails_keeps_nobody_waiting(name, connection):
    foreign = sqlite3.connect(name, timeout=0)
    foreign.execute("BEGIN IMMEDIATE")
    impatient = connect(name, timeout=0)
    with pytest.raises(OperationalError, match="locked"):
        begin(impatient)
    foreign.rollback()
    waiting = threading.Thread(target=lambda: (begin(connection), end(connection)))
    connection.inc_thread_sharing()
    waiting.start()
    waiting.join(5)
    assert not waiting.is_alive()
