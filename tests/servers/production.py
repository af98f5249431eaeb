"""A pytest plugin: the same tests on PostgreSQL and Redis instead of SQLite and memory.

    python -m pytest -p tests.servers.production -m django_db

The addresses are set before Django reads its settings, which pytest-django makes it do before any conftest is read.
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


def pytest_report_header() -> str:
    return f"on {os.environ['DATABASE_URL']} and {os.environ['REDIS_URL']}"


def pytest_unconfigure() -> None:
    _servers.close()
