from __future__ import annotations

from live.presence.roster import Roster, Seat


def seat(number: int, person: int | None = None, page: str = "board.main", device: str = "") -> Seat:
    return Seat(f"s{number}", person, f"person {person}" if person else "", page, device)


def test_three_tabs_of_one_person_are_one_person():
    roster = Roster("a")
    for number in range(3):
        roster.sit(seat(number, person=7))
    presence = roster.presence()
    assert (presence.people_count, presence.tabs, presence.guests) == (1, 3, 0)
    assert presence.people[0].tabs == 3


def test_a_guests_tabs_count_as_one_guest_by_device():
    roster = Roster("a")
    roster.sit(seat(1, device="d1"))
    roster.sit(seat(2, device="d1"))
    roster.sit(seat(3, device="d2"))
    roster.sit(seat(4))
    assert roster.presence().guests == 3


def test_screens_are_counted_apart():
    roster = Roster("a")
    roster.sit(seat(1, page="screen.wall"))
    presence = roster.presence()
    assert (presence.screens, presence.tabs, presence.guests) == (1, 0, 0)


def test_a_person_is_counted_once_across_processes():
    roster = Roster("a")
    roster.sit(seat(1, person=7))
    roster.replace("b", [seat(2, person=7), seat(3, person=8)])
    assert roster.presence().people_count == 2
    roster.forget("b")
    assert roster.presence().people_count == 1


def test_what_somebody_looks_at_is_named_by_kind_alone():
    roster = Roster("a")
    roster.sit(seat(1, person=7, page="chat.secret-merger"))
    assert roster.presence().people[0].pages == ("chat",)


def test_only_signed_in_people_are_in_rooms():
    roster = Roster("a")
    roster.sit(seat(1, person=7, page="chat.general"))
    roster.sit(seat(2, page="chat.general"))
    roster.sit(seat(3, person=8, page="board.main"))
    assert roster.in_rooms() == {("general", 7)}


def test_equal_lists_have_equal_digests_whatever_the_order():
    one, other = Roster("a"), Roster("b")
    one.replace("c", [seat(1), seat(2)])
    other.replace("c", [seat(2), seat(1)])
    assert one.digest("c") == other.digest("c")
    other.change("c", [], ["s1"])
    assert one.digest("c") != other.digest("c")
