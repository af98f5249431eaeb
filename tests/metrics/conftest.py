"""Dora is staff; Bob is signed in and no more. Storing has a clock that stands at the times of the tests."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client


def signed_in_as(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def staff(db) -> Client:
    return signed_in_as(User.objects.create_user("dora", is_staff=True))


@pytest.fixture
def outsider(db) -> Client:
    return signed_in_as(User.objects.create_user("bob"))


CLOCK = 1_795_154_460_000
"""A minute after the fixed times of the tests, in epoch ms."""


@pytest.fixture(autouse=True)
def clock_of_storing(monkeypatch):
    """Samples with fixed times would be too old tomorrow."""
    for module in ("storing", "rollups"):
        monkeypatch.setattr(f"metrics.series.{module}.now_ms", lambda: CLOCK)
