"""Pages keep their connection to the database, and a rush of them gives its connections back."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import LiteralString

import httpx
import psycopg
import pytest

from dashboard_site.lanes import KEPT
from live.database import THREADS
from tests.servers.watchfloor import Watchfloor

PAGES = 100
AT_ONCE = 40
BESIDE = THREADS + 10
"""Connections that other parts of the server may open meanwhile."""


@pytest.fixture
def server(tmp_path, postgres_url):
    with Watchfloor(tmp_path, {"DATABASE_URL": postgres_url}) as server:
        yield server


def test_one_page_after_another_uses_the_same_connection(server, postgres_url):
    before = opened(postgres_url)
    with httpx.Client() as client:
        for _ in range(PAGES):
            assert client.get(f"{server.url}/").status_code == 200
    assert opened(postgres_url) - before <= BESIDE


def test_a_rush_gives_its_connections_back(server, postgres_url):
    with ThreadPoolExecutor(AT_ONCE) as threads:
        statuses = threads.map(lambda _: httpx.get(f"{server.url}/", timeout=60).status_code, range(5 * AT_ONCE))
        assert set(statuses) == {200}
    ends = time.monotonic() + 10
    while (still := open_now(postgres_url)) > KEPT + BESIDE:
        assert time.monotonic() < ends, f"{still} connections are still open"
        time.sleep(0.1)


def opened(url: str) -> int:
    """Connections since the statistics began."""
    return asked(url, "SELECT sessions FROM pg_stat_database WHERE datname = current_database()")


def open_now(url: str) -> int:
    return asked(url, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")


def asked(url: str, sql: LiteralString) -> int:
    with psycopg.connect(url) as connection:
        (count,) = connection.execute(sql).fetchone() or (0,)
    return count
