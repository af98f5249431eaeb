"""A pytest plugin: the same tests on PostgreSQL and Redis instead of SQLite and memory.

    python -m pytest -p tests.servers.production

Only those that use the database run: for the others nothing would differ. The addresses are set before Django reads
its settings, which pytest-django makes it do before any conftest is read.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator

import pytest

from tests.servers.postgres import postgres_server
from tests.servers.redis import redis_server

_servers = contextlib.ExitStack()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests() -> Generator[None, object, object]:
    database, redis = _servers.enter_context(postgres_server()), _servers.enter_context(redis_server())
    os.environ |= {"DATABASE_URL": database, "TEST_DATABASE_URL": database}
    os.environ |= {"REDIS_URL": redis, "TEST_REDIS_URL": redis}
    return (yield)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    others = [item for item in items if not _uses_database(item)]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if _uses_database(item)]


def _uses_database(item: pytest.Item) -> bool:
    fixtures = getattr(item, "fixturenames", ())
    return item.get_closest_marker("django_db") is not None or "db" in fixtures or "transactional_db" in fixtures


def pytest_report_header() -> str:
    return f"on {os.environ['DATABASE_URL']} and {os.environ['REDIS_URL']}"


def pytest_unconfigure() -> None:
    _servers.close()
