"""A message can be taken back: by its author for ten minutes, by staff always. The row stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from live.accounts.verbs import remove_person
from live.chat.models import Message
from live.chat.verbs import arrive, post_message, retract


@pytest.fixture
def message(room, bob):
    return post_message(room, bob, "secret words")


def age(message, **span):
    Message.objects.filter(pk=message.pk).update(at=timezone.now() - timedelta(**span))


def test_the_author_retracts_and_the_row_stays(message, bob, publishes):
    with publishes() as topics:
        retract(message, bob)
    message.refresh_from_db()
    assert (message.retracted_by, message.body, message.at_version) == (bob, "secret words", 2)
    assert topics == ["room.general"]


def test_retracting_twice_changes_nothing(message, bob, alice):
    retract(message, bob)
    assert retract(message, alice).retracted_by == bob
    message.room.refresh_from_db()
    assert message.room.version == 2


@pytest.mark.parametrize(
    "span, allowed", [({"minutes": 9, "seconds": 59}, True), ({"minutes": 10, "seconds": 1}, False)]
)
def test_the_author_has_ten_minutes(message, bob, span, allowed):
    age(message, **span)
    if allowed:
        assert retract(message, bob).retracted_at
    else:
        with pytest.raises(PermissionDenied, match="10 minutes"):
            retract(message, bob)


def test_staff_may_always(message, alice):
    age(message, days=30)
    assert retract(message, alice).retracted_by == alice


def test_the_permission_suffices(message, charlie):
    charlie.user_permissions.add(Permission.objects.get(codename="retract_message"))
    assert retract(message, User.objects.get(pk=charlie.pk)).retracted_at


def test_others_may_not(message, charlie):
    with pytest.raises(PermissionDenied, match="author"):
        retract(message, charlie)


def test_a_coming_cannot_be_retracted(room, alice):
    coming = arrive(room, alice)
    assert coming
    with pytest.raises(PermissionDenied):
        retract(coming, alice)


def test_what_somebody_said_outlives_the_account(message, bob, alice, publishes):
    with publishes() as topics:
        remove_person(bob)
    message.refresh_from_db()
    assert (message.author, message.author_name, message.at_version) == (None, "bob", 2)
    assert "room.general" in topics


def test_a_retraction_outlives_the_account_of_who_retracted(message, alice):
    retract(message, alice)
    remove_person(alice)
    message.refresh_from_db()
    assert (message.retracted_by, message.at_version) == (None, 3)
    assert message.retracted_at
