"""The cast: Alice may add KPIs, Bob is signed in, Charlie belongs to the group "Traders"."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission, User

from live.chat.models import Room
from metrics.boards.models import Board
from tests.metrics.kpis.publishing import published

__all__ = ["published"]


@pytest.fixture
def alice(db) -> User:
    alice = User.objects.create_user("alice")
    alice.user_permissions.add(Permission.objects.get(codename="add_kpi"))
    return alice


@pytest.fixture
def bob(db) -> User:
    return User.objects.create_user("bob")


@pytest.fixture
def charlie(db) -> User:
    charlie = User.objects.create_user("charlie")
    charlie.groups.add(Group.objects.get_or_create(name="Traders")[0])
    return charlie


@pytest.fixture
def main(db) -> Board:
    """The public default board, with the public room beside it."""
    room = Room.objects.get_or_create(slug="general", defaults={"name": "General", "access": "public"})[0]
    values = {"name": "Main", "access": "public", "is_default": True, "room": room}
    return Board.objects.update_or_create(slug="main", defaults=values)[0]


@pytest.fixture
def trading(charlie) -> Board:
    """A board for the group Traders."""
    board = Board.objects.create(slug="trading", name="Trading", access="groups")
    board.groups.set(charlie.groups.all())
    return board
