"""Staff hold what the group "Staff" holds, in requests and on sockets alike."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User

from live.accounts.verbs import members, remove_group, save_group, save_person
from live.people import load_person


@pytest.mark.parametrize("name, staff", [("alice", True), ("bob", False)])
def test_requests_and_sockets_agree_on_what_somebody_may(alice, bob, name, staff):
    user = User.objects.get(username=name)
    assert user.has_perm("live.add_announcement") is staff
    assert load_person(user.pk).may("live.add_announcement") is staff
    assert user.get_all_permissions() == load_person(user.pk).permissions


def test_permissions_of_other_groups_and_ones_own_count_as_well(alice, charlie):
    charlie.groups.get().permissions.add(Permission.objects.get(codename="view_room"))
    charlie.user_permissions.add(Permission.objects.get(codename="add_room"))
    assert User.objects.get(pk=charlie.pk).get_all_permissions() == {"live.view_room", "live.add_room"}
    alice.groups.add(charlie.groups.get())
    assert User.objects.get(pk=alice.pk).has_perms(["live.view_room", "live.add_announcement"])


def test_nobody_who_is_not_active_may_anything(alice):
    alice.is_active = False
    alice.save()
    assert User.objects.get(pk=alice.pk).get_all_permissions() == set()
    assert load_person(alice.pk).permissions == frozenset()


def test_an_admin_may_everything(bob):
    bob.is_superuser = True
    bob.save()
    assert User.objects.get(pk=bob.pk).has_perm("live.delete_room")
    assert load_person(bob.pk).may("live.delete_room")


def test_who_depends_on_a_group(alice, bob, charlie, staff_group):
    assert members(charlie.groups.get()) == [charlie.pk]
    assert members(staff_group) == [alice.pk]
    bob.groups.add(staff_group)
    assert sorted(members(staff_group)) == sorted([alice.pk, bob.pk])


def test_changes_of_people_and_groups_tell_open_sockets(charlie, publishes):
    group = charlie.groups.get()
    for verb, subject in ((save_person, charlie), (save_group, group), (remove_group, group)):
        with publishes() as topics:
            verb(subject)
        assert topics == [f"user.{charlie.pk}"]
