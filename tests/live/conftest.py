"""The cast: Alice is staff, Bob and Charlie are not. Charlie belongs to the group "Night"."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from django.contrib.auth.models import Group, Permission, User

from live.chat.models import Room
from live.people import STAFF_GROUP, Access
from live.push import signals

PASSWORD = "correct horse battery"
STAFF_MAY = ["add_announcement", "change_announcement", "retract_message", "view_message", "change_room"]
ROOMS = {"general": Access.PUBLIC, "team": Access.SIGNED_IN, "night": Access.GROUPS}

Publishes = Callable[[], AbstractContextManager[list[str]]]


@pytest.fixture
def staff_group(db) -> Group:
    group, _created = Group.objects.get_or_create(name=STAFF_GROUP)
    group.permissions.add(*Permission.objects.filter(codename__in=STAFF_MAY))
    return group


@pytest.fixture
def alice(staff_group) -> User:
    return User.objects.create_user("alice", password=PASSWORD, is_staff=True)


@pytest.fixture
def bob(db) -> User:
    return User.objects.create_user("bob", password=PASSWORD)


@pytest.fixture
def charlie(db) -> User:
    charlie = User.objects.create_user("charlie", password=PASSWORD)
    charlie.groups.add(Group.objects.create(name="Night"))
    return charlie


@pytest.fixture
def room(db) -> Room:
    """The public room."""
    room, _created = Room.objects.get_or_create(slug="general", defaults={"name": "General", "access": Access.PUBLIC})
    return room


@pytest.fixture
def rooms(room, charlie) -> dict[str, Room]:
    """One room of each kind; "night" is for the group Night."""
    for slug, access in ROOMS.items():
        Room.objects.get_or_create(slug=slug, defaults={"name": slug.title(), "access": access})
    made = {room.slug: room for room in Room.objects.all()}
    made["night"].groups.set(charlie.groups.all())
    return made


@pytest.fixture
def publishes(django_capture_on_commit_callbacks) -> Publishes:
    """`with publishes() as topics:` collects what is published when the block's transactions commit."""

    @contextmanager
    def collect() -> Iterator[list[str]]:
        topics: list[str] = []
        signals.deliver_to(topics.extend)
        try:
            with django_capture_on_commit_callbacks(execute=True):
                yield topics
        finally:
            signals.deliver_to(None)

    return collect
