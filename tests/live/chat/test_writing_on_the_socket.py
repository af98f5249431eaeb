"""A program's message: the same checks as the page's form, with the rights of this moment."""

from __future__ import annotations

import pytest

from live.chat.consumers import RoomConsumer
from live.chat.models import Message
from live.chat.topic import RoomTopic
from live.people import GUEST, load_person
from live.push.consumers import Refused


def consumer(**kwargs: str) -> RoomConsumer:
    made = RoomConsumer()
    made.scope = {"url_route": {"kwargs": kwargs}}
    return made


def bodies() -> list[tuple[str, str, str]]:
    return list(Message.objects.order_by("pk").values_list("room__slug", "author_name", "body"))


def refusal(person, data, **kwargs) -> str:
    with pytest.raises(Refused) as refused:
        consumer(**kwargs).receive_object(person, data)
    assert refused.value.message.endswith(".")
    return refused.value.code


def test_without_a_name_the_room_is_general():
    assert consumer().topics()[0] == RoomTopic("general")
    assert consumer(room="team").topics()[0] == RoomTopic("team")


def test_a_message_is_stored_as_its_person(rooms, bob):
    person = load_person(bob.pk)
    consumer().receive_object(person, {"message": " hi "})
    consumer(room="team").receive_object(person, {"message": "there", "cid": "1"})
    consumer(room="team").receive_object(person, {"message": "there", "cid": "1"})
    assert bodies() == [("general", "bob", "hi"), ("team", "bob", "there")]


def test_guests_and_people_who_are_gone_are_refused(room, bob):
    person = load_person(bob.pk)
    bob.is_active = False
    bob.save()
    for who in (GUEST, person):
        assert refusal(who, {"message": "hi"}) == "not_allowed"
    assert bodies() == []


def test_a_room_that_one_may_no_longer_see_is_refused(rooms, charlie):
    person = load_person(charlie.pk)
    consumer(room="night").receive_object(person, {"message": "hi"})
    charlie.groups.clear()
    assert refusal(person, {"message": "again"}, room="night") == "not_allowed"
    assert refusal(person, {"message": "again"}, room="nowhere") == "not_allowed"
    assert bodies() == [("night", "charlie", "hi")]


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"message": None},
        {"message": 7},
        {"message": ["hi"]},
        {"message": " "},
        {"message": "x" * 2001},
        {"message": "\ud800"},
        {"message": "hi", "cid": 7},
        {"message": "hi", "cid": {}},
    ],
)
def test_what_is_no_message_is_refused(room, bob, data):
    assert refusal(load_person(bob.pk), data) == "invalid"
    assert bodies() == []


def test_a_client_id_may_be_any_text(room, bob):
    for cid in ("", "x" * 10_000, "\ud800\x00"):
        consumer().receive_object(load_person(bob.pk), {"message": "hi", "cid": cid})
    assert len(bodies()) == 3
