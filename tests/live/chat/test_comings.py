"""Join and leave lines: written once, however many processes notice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from live.chat.verbs import arrive, leave, post_message


def kinds(room):
    return list(room.messages.order_by("seq").values_list("kind", "author_name"))


def test_coming_and_going_are_lines_of_the_room(room, bob):
    arrive(room, bob)
    post_message(room, bob, "hello")
    leave(room, bob)
    arrive(room, bob)
    assert kinds(room) == [("join", "bob"), ("message", "bob"), ("leave", "bob"), ("join", "bob")]


def test_what_is_known_is_not_written_again(room, bob, publishes):
    arrive(room, bob)
    post_message(room, bob, "hello")
    with publishes() as topics:
        assert arrive(room, bob) is None
    assert topics == []
    assert leave(room, bob)
    assert leave(room, bob) is None
    assert post_message(room, bob, "no number was burnt").seq == 4


def test_who_never_came_does_not_leave(room, bob):
    assert leave(room, bob) is None
    assert kinds(room) == []


def test_each_person_comes_alone(room, bob, charlie):
    arrive(room, bob)
    arrive(room, charlie)
    leave(room, bob)
    assert kinds(room) == [("join", "bob"), ("join", "charlie"), ("leave", "bob")]


@pytest.mark.django_db(transaction=True)
def test_a_coming_that_many_notice_at_once_is_one_line(room, bob):
    def notice(_process: int) -> None:
        try:
            arrive(room, bob)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as processes:
        list(processes.map(notice, range(8)))
    assert kinds(room) == [("join", "bob")]
