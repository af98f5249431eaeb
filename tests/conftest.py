"""Fixtures for every test: real servers, and visitors with a browser."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import translation
from playwright.sync_api import Browser

from live import database
from tests.servers.chrome import Visitor, chrome
from tests.servers.postgres import new_database, postgres_server
from tests.servers.redis import redis_server
from tests.servers.watchfloor import Watchfloor

# It logs every request, and our settings print what is logged.
logging.getLogger("httpx").setLevel(logging.WARNING)
OTHERS_OFF = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Playwright's synchronous interface runs a loop in this thread, and Django refuses the database beside one.
    items.sort(key=lambda item: "browser" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    default = settings.DATABASES["default"]
    if default["ENGINE"] == "live.sqlite":
        default["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """As pytest-django has it; at the end, the pool's threads let go of a database that PostgreSQL could not drop."""
    yield
    with django_db_blocker.unblock():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(OTHERS_OFF)


@pytest.fixture(autouse=True)
def language_of_nobody() -> Iterator[None]:
    """The test client leaves the language of its last request active, and the next test would be answered in it."""
    yield
    translation.deactivate()


@pytest.fixture(autouse=True)
def pool_of_its_own(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test has fresh pool threads: a connection that stays in one fails the next test that has no database."""
    pool = ThreadPoolExecutor(database.THREADS, thread_name_prefix="database")
    monkeypatch.setattr(database, "_pool", pool)
    yield
    pool.shutdown(wait=False, cancel_futures=True)


@pytest.fixture
def signed_in() -> Callable[[Any], Client]:
    """A test client of this user."""

    def sign_in(user: Any) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def redis_url() -> Iterator[str]:
    """A Redis of one's own: publish and subscribe know no databases, so servers on one Redis hear each other."""
    with redis_server() as url:
        yield url


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with postgres_server() as url:
        yield url


@pytest.fixture
def postgres_url(postgres: str) -> str:
    """An empty database of one's own."""
    return new_database(postgres, "watchfloor_one")


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watchfloor]:
    """A server for tests that neither stop it nor mind what others left on it."""
    with Watchfloor(tmp_path_factory.mktemp("shared-server")) as server:
        yield server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Watchfloor]:
    """A server of one's own, fresh."""
    with Watchfloor(tmp_path) as server:
        yield server


@pytest.fixture(scope="session", params=["embedded", "production"])
def either_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watchfloor]:
    """The same tests on SQLite with memory, and on PostgreSQL with Redis."""
    with contextlib.ExitStack() as servers:
        environment = {}
        if request.param == "production":
            database = new_database(request.getfixturevalue("postgres"), "watchfloor_either")
            environment = {"DATABASE_URL": database, "REDIS_URL": servers.enter_context(redis_server())}
        yield servers.enter_context(Watchfloor(tmp_path_factory.mktemp(request.param), environment))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chrome() as browser:
        yield browser


@pytest.fixture
def visitor(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Visitor]]:
    """`visitor(server, "alice")`: a browser of one's own, signed in when named. Any complaint of it fails the test."""
    visitors: list[Visitor] = []

    def come(server: Watchfloor, name: str = "", **options: Any) -> Visitor:
        visitors.append(Visitor(browser, server, **options))
        if name:
            visitors[-1].sign_in(name)
        return visitors[-1]

    yield come
    complaints = [complaint for visitor in visitors for complaint in visitor.close()]
    assert not complaints, "the browser complained:\n" + "\n".join(complaints)
