from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from live.accounts.tokens import make_personal_token, person_of_token, revoke_personal_token
from live.chat.models import Room
from live.people import Access, load_people, load_person
from live.push.healing import versions
from live.push.identity import Identity
from live.push.rights import read_audiences, read_rights
from live.push.topics import parse

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> User:
    return User.objects.create_user("alice")


@pytest.fixture
def session(alice) -> Identity:
    client = Client()
    client.force_login(alice)
    return Identity(load_person(alice.pk), session_key=client.session.session_key)


def renewed(identity: Identity) -> Identity | None:
    return read_rights([identity], []).renewed(identity)


def test_nothing_happened(session):
    assert renewed(session) == session


def test_a_guest_stays_a_guest():
    assert renewed(Identity()) == Identity()


def test_a_deleted_session_ends(session, alice):
    other = Client()
    other.force_login(alice)
    from django.contrib.sessions.models import Session

    Session.objects.filter(session_key=session.session_key).delete()
    assert renewed(session) is None


@pytest.mark.parametrize("change", [{"is_active": False}, {"password": "other"}])
def test_a_changed_account_ends_the_session(session, change):
    User.objects.update(**change)
    assert renewed(session) is None


def test_a_deleted_person_is_gone(session, alice):
    alice.delete()
    assert renewed(session) is None


def test_a_revoked_token_ends(alice):
    token_id, _user = person_of_token(make_personal_token(alice))
    identity = Identity(load_person(alice.pk), token_id=token_id)
    assert renewed(identity) == identity
    revoke_personal_token(alice.personal_tokens.get())
    assert renewed(identity) is None


def test_a_group_that_was_taken_away_is_taken_away(session, alice):
    group = Group.objects.create(name="Payments")
    alice.groups.add(group)
    room = Room.objects.create(slug="payments", name="payments", access=Access.GROUPS)
    room.groups.add(group)
    topic = parse("room.payments")
    rights = read_rights([session], [topic.name])
    assert rights.admits(topic, rights.renewed(session).person)
    alice.groups.clear()
    rights = read_rights([session], [topic.name])
    assert not rights.admits(topic, rights.renewed(session).person)


def test_a_page_that_is_still_opening_does_not_lose_what_nobody_asked_about(session):
    assert read_rights([session], []).admits(parse("online.all"), session.person)


def test_a_topic_that_is_gone_is_lost(session):
    assert not read_rights([session], ["room.gone"]).admits(parse("room.gone"), session.person)


def test_permissions_come_from_oneself_from_groups_and_from_being_staff(alice):
    def give(codename: str) -> Permission:
        return Permission.objects.get(content_type__app_label="live", codename=codename)

    alice.user_permissions.add(give("add_room"))
    group, _created = Group.objects.get_or_create(name="Night shift")
    group.permissions.add(give("change_room"))
    alice.groups.add(group)
    staff, _created = Group.objects.get_or_create(name="Staff")
    staff.permissions.add(give("add_announcement"))
    assert load_person(alice.pk).permissions == {"live.add_room", "live.change_room"}
    User.objects.update(is_staff=True)
    assert load_person(alice.pk).may("live.add_announcement")


def test_a_thousand_sockets_cost_as_many_queries_as_one(session, django_assert_num_queries):
    others = [User.objects.create_user(f"user{number}") for number in range(20)]
    identities = [
        session,
        *(Identity(person, session_key=f"k{pk}") for pk, person in load_people([u.pk for u in others]).items()),
    ]
    Room.objects.bulk_create(Room(slug=f"r{n}", name=f"r{n}", access=Access.GROUPS) for n in range(20))
    with django_assert_num_queries(8):
        read_rights([session], ["room.r0"])
    with django_assert_num_queries(8):
        read_rights(identities, [f"room.r{n}" for n in range(20)])


def test_a_room_that_is_gone_has_no_audience():
    assert read_audiences(["room.nowhere", "online.all"]).keys() == {"online.all"}


def test_all_versions_are_read_in_one_query(django_assert_num_queries):
    Room.objects.create(slug="ops", name="ops", version=7)
    with django_assert_num_queries(1):
        found = versions(["room.ops", "room.gone", "announcements.all", "online.all"])
    assert found["room.ops"] == "7"
    assert "room.gone" not in found
    assert "online.all" not in found
