"""A writer beside others, as a process of its own: how long it waits for its turn.

    python -m benchmarks.harness.rival DATABASE_URL

It writes a row every 5 ms until its standard input ends, and prints how long it waited each time, in ms, as JSON.
SQLite's own patience sleeps for up to 100 ms between two looks, so here it looks every half millisecond.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import threading
import time
from collections.abc import Callable

import psycopg

PAUSE_S = 0.005
LOOK_S = 0.0005
AFFORDED_S = 20.0

RAISE = "UPDATE metrics_series SET total = total + 1 WHERE id = (SELECT min(id) FROM metrics_series)"

Turn = Callable[[], float]
"""Writes a row; how long it waited, in seconds."""


def main(url: str) -> None:
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    turn = _sqlite(url.removeprefix("sqlite:///")) if url.startswith("sqlite") else _postgresql(url)
    waits = []
    print("ready", flush=True)
    while not ended.wait(PAUSE_S):
        waits.append(turn() * 1000)
    print(json.dumps(waits))


def _sqlite(file: str) -> Turn:
    connection = sqlite3.connect(file, timeout=0, isolation_level=None)

    def turn() -> float:
        started = time.perf_counter()
        while not _began(connection):
            if time.perf_counter() - started > AFFORDED_S:
                raise SystemExit("The database is locked for good.")
            time.sleep(LOOK_S)
        waited = time.perf_counter() - started
        connection.execute(
            "UPDATE metrics_series SET total = total + 1 WHERE id = (SELECT min(id) FROM metrics_series)"
        )
        connection.execute("COMMIT")
        return waited

    return turn


def _began(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return False
    return True


def _postgresql(url: str) -> Turn:
    connection = psycopg.connect(url, autocommit=True)

    def turn() -> float:
        started = time.perf_counter()
        now = time.time_ns() // 1_000_000
        connection.execute("INSERT INTO metrics_sample VALUES (1, %s, 1) ON CONFLICT DO NOTHING", [now])
        return time.perf_counter() - started

    return turn


if __name__ == "__main__":
    main(sys.argv[1])
