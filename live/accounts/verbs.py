"""Changes to people and roles. Open sockets look at their rights again at once, rather than within 4 s."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from django.contrib.auth.models import Group, User
from django.db import transaction

from live.chat.verbs import disown
from live.people import STAFF_GROUP
from live.push.signals import publish


def save_person(user: User) -> None:
    with transaction.atomic():
        user.save()
        rights_changed([user.pk])


def remove_person(user: User) -> None:
    """Delete an account. What the person said stays, under the name it was said with."""
    with transaction.atomic():
        rights_changed([user.pk])
        disown(user)
        user.delete()


def save_group(group: Group) -> None:
    with transaction.atomic():
        group.save()
        rights_changed(members(group))


def remove_group(group: Group) -> None:
    with transaction.atomic():
        rights_changed(members(group))
        group.delete()


def members(group: Group) -> list[int]:
    """Everybody whose rights depend on the group; staff hold those of the group "Staff" without being listed in it."""
    people = User.objects.filter(groups=group)
    if group.name == STAFF_GROUP:
        people = people | User.objects.filter(is_staff=True)
    return list(people.distinct().values_list("pk", flat=True))


def rights_changed(people: Iterable[int]) -> None:
    topics = [f"user.{pk}" for pk in people]
    if topics:
        transaction.on_commit(partial(publish, *topics), robust=True)
