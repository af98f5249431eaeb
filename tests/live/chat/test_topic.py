"""A room's state: the newest lines, what changed since, and when an open page has to be filled anew."""

from __future__ import annotations

import json

import pytest

from live.chat.models import Message, Room
from live.chat.topic import BURST, PAGE, REFILL, Earlier, RoomTopic
from live.chat.verbs import arrive, post_message, retract, save_room
from live.people import GUEST, Access, load_person
from live.presence.roster import Roster
from live.push.healing import versions
from live.push.rights import read_audiences
from live.push.topics import Context

CONTEXT = Context(0, Roster("tests"))


def load(known=None, slug="general"):
    return RoomTopic(slug).load(CONTEXT, known)


def log(state):
    return state.regions[0]


def seqs(parts):
    return [part.data.seq for part in parts if not isinstance(part.data, Earlier)]


def say(room, author, count):
    for number in range(count):
        post_message(room, author, f"message {number}")


def fill(room, author, count):
    """`count` lines at once, as if they had been said one by one."""
    start, version = room.last_seq, room.version
    room.messages.bulk_create(
        Message(
            room=room,
            seq=start + n,
            at_version=version + n,
            author=author,
            author_name="bob",
            body=f"{n}",
            at=author.date_joined,
        )
        for n in range(1, count + 1)
    )
    room.last_seq, room.version = start + count, version + count
    room.save()


def test_a_room_that_is_not_there_is_no_topic(db):
    assert load(slug="nowhere") is None
    assert read_audiences(["room.nowhere"]) == {}


def test_the_state_has_the_version_that_healing_reads(room, bob):
    say(room, bob, 2)
    assert versions(["room.general", "room.nowhere"]) == {"room.general": load().version == "2" and "2"}


def test_a_first_state_holds_the_newest_lines_and_the_way_to_earlier_ones(room, bob):
    fill(room, bob, PAGE + 3)
    shown = log(load())
    assert shown.changed is None
    assert seqs(shown.parts) == list(range(4, PAGE + 4))
    assert shown.parts[0].data == Earlier("general", 4)
    assert shown.parts[0].id < shown.parts[1].id


def test_a_room_that_fits_has_no_way_to_earlier_lines(room, bob):
    fill(room, bob, PAGE)
    assert seqs(log(load()).parts) == list(range(1, PAGE + 1))
    assert not isinstance(log(load()).parts[0].data, Earlier)


def test_only_what_is_new_or_different_changes(room, bob):
    say(room, bob, 3)
    known = load()
    assert log(load(known)).changed == ()
    post_message(room, bob, "new")
    retract(room.messages.get(seq=2), bob)
    news = load(known)
    assert seqs(log(news).changed) == [2, 4]
    assert log(news).changed[0].data.retracted
    assert log(news).changed[0].data.body == ""
    assert seqs(log(news).parts) == [1, 2, 3, 4]


def test_the_first_line_of_an_empty_room_is_a_change(room, bob):
    known = load()
    post_message(room, bob, "first")
    assert seqs(log(load(known)).changed) == [1]


def test_a_burst_is_sent_line_by_line(room, bob):
    fill(room, bob, 1)
    known = load()
    fill(room, bob, REFILL - 2)
    assert seqs(log(load(known)).changed) == list(range(2, REFILL))
    assert log(load(known)).parts == log(load()).parts


def test_an_open_page_is_filled_anew_before_it_grows_beyond_200_lines(room, bob):
    fill(room, bob, REFILL - 1)
    known = load()
    post_message(room, bob, "one more")
    news = log(load(known))
    assert news.changed is None
    assert seqs(news.parts) == list(range(REFILL - PAGE + 1, REFILL + 1))


def test_a_program_misses_no_line_when_pages_are_filled_anew(room, bob):
    fill(room, bob, 10)
    known = load()
    fill(room, bob, REFILL)
    assert seqs(log(load(known)).news) == list(range(11, REFILL + 11))
    assert log(load(known)).parts == log(load()).parts


def test_more_lines_than_a_burst_fill_pages_anew(room, bob):
    known = load()
    fill(room, bob, BURST + 1)
    assert log(load(known)).changed is None
    assert len(seqs(log(load(known)).news)) == BURST
    assert len(seqs(log(load(known)).parts)) == PAGE


def test_an_old_line_that_changes_fills_pages_anew_rather_than_appearing_out_of_place(room, bob, alice):
    fill(room, bob, PAGE + 10)
    known = load()
    retract(room.messages.get(seq=5), alice)
    assert log(load(known)).changed is None


def test_a_restored_backup_fills_pages_anew(room, bob):
    say(room, bob, 5)
    known = load()
    Room.objects.update(version=2, last_seq=2)
    room.messages.filter(seq__gt=2).delete()
    assert log(load(known)).changed is None


def test_a_restored_backup_with_as_many_lines_fills_pages_anew(room, bob):
    say(room, bob, 5)
    retract(room.messages.get(seq=5), bob)
    known = load()
    Room.objects.update(version=5)
    room.messages.filter(seq=5).update(retracted_at=None, at_version=5)
    assert log(load(known)).changed is None


def test_changed_settings_change_the_version_and_no_line(room, bob):
    say(room, bob, 2)
    known = load()
    save_room(Room.objects.get(pk=room.pk))
    assert load(known).version != known.version
    assert log(load(known)).changed == ()


def test_the_cost_is_constant(room, bob, django_assert_num_queries):
    fill(room, bob, 3)
    known = load()
    fill(room, bob, 100)
    with django_assert_num_queries(2):
        load()
    with django_assert_num_queries(3):
        load(known)


def test_programs_get_the_shape_of_the_contract(room, bob):
    arrive(room, bob)
    retract(post_message(room, bob, "oops"), bob)
    post_message(room, bob, "hello")
    joined, taken_back, said = (part.event for part in log(load()).parts)
    assert said | {"at": ""} == {
        "type": "message",
        "kind": "message",
        "room": "general",
        "seq": 3,
        "username": "bob",
        "message": "hello",
        "at": "",
    }
    assert said["at"].endswith("Z")
    assert (joined["kind"], joined["message"]) == ("join", "")
    assert (taken_back["retracted"], taken_back["message"]) == (True, "")
    assert json.dumps([joined, taken_back, said])


@pytest.mark.parametrize(
    "slug, admitted", [("general", {"guest", "bob", "charlie"}), ("team", {"bob", "charlie"}), ("night", {"charlie"})]
)
def test_a_room_admits_whom_it_is_for(rooms, bob, charlie, slug, admitted):
    people = {"guest": GUEST, "bob": load_person(bob.pk), "charlie": load_person(charlie.pk)}
    audience = read_audiences([f"room.{slug}"])[f"room.{slug}"]
    assert {name for name, person in people.items() if audience.admits(person)} == admitted
    assert rooms[slug].access in Access
