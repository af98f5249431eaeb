"""What is said is stored once, in one order, and told to those who listen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone

from live.chat.models import Message, Room
from live.chat.verbs import MAX_LENGTH, clean_body, post_message, remove_room, save_room

THREADS, EACH = 8, 25


def seqs(room):
    return list(room.messages.order_by("seq").values_list("seq", flat=True))


def test_lines_are_numbered_without_a_gap(room, bob):
    assert [post_message(room, bob, text).seq for text in ("one", "two", "three")] == [1, 2, 3]
    room.refresh_from_db()
    assert (room.last_seq, room.version) == (3, 3)


@pytest.mark.django_db(transaction=True)
def test_many_who_write_at_once_leave_no_gap(room, bob):
    def write(thread: int) -> None:
        try:
            for number in range(EACH):
                post_message(room, bob, f"{thread}/{number}")
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(write, range(THREADS)))
    assert seqs(room) == list(range(1, THREADS * EACH + 1))
    room.refresh_from_db()
    assert room.version == room.last_seq == THREADS * EACH


def test_the_same_form_sent_twice_stores_one_message(room, bob):
    first, second = post_message(room, bob, "hello", "form-1"), post_message(room, bob, " hello\r\n", "form-1")
    assert first.pk == second.pk
    assert post_message(room, bob, "next", "form-2").seq == 2


def test_the_same_form_with_other_words_stores_both(room, bob):
    post_message(room, bob, "hello", "form-1")
    post_message(room, bob, "hello again", "form-1")
    assert seqs(room) == [1, 2]


def test_the_same_words_from_two_people_or_two_forms_are_two_messages(room, bob, charlie):
    post_message(room, bob, "hello", "form-1")
    post_message(room, charlie, "hello", "form-1")
    post_message(room, bob, "hello", "form-2")
    post_message(room, bob, "hello")
    post_message(room, bob, "hello")
    assert seqs(room) == [1, 2, 3, 4, 5]


@pytest.mark.django_db(transaction=True)
def test_a_form_sent_by_many_at_once_stores_one_message(room, bob):
    def write(_thread: int) -> int:
        try:
            return post_message(room, bob, "hello", "form-1").pk
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as threads:
        stored = set(threads.map(write, range(THREADS)))
    assert len(stored) == 1
    assert seqs(room) == [1]


@pytest.mark.parametrize(
    "text", ["x", "x" * MAX_LENGTH, " " * 50 + "x" * MAX_LENGTH + "\n", "\N{THUMBS UP SIGN}" * MAX_LENGTH]
)
def test_what_fits_is_taken(text):
    assert clean_body(text) == text.strip()


@pytest.mark.parametrize(
    "text", ["", " \r\n\t ", "x" * (MAX_LENGTH + 1), "a\x00b", "a\ud800b", "\udfff", None, 7, ["x"]]
)
def test_what_does_not_fit_is_refused_with_a_sentence(text):
    with pytest.raises(ValidationError) as refused:
        clean_body(text)
    assert refused.value.messages[0].endswith(".")


def test_newlines_are_made_alike():
    assert clean_body("one\r\ntwo\rthree\nfour") == "one\ntwo\nthree\nfour"


def test_a_refused_message_burns_no_number(room, bob):
    with pytest.raises(ValidationError):
        post_message(room, bob, "")
    assert post_message(room, bob, "x").seq == 1


def test_a_message_to_a_room_that_is_gone_is_refused(room, bob):
    remove_room(Room.objects.get(pk=room.pk))
    with pytest.raises(Room.DoesNotExist):
        post_message(room, bob, "x")


def test_lines_of_one_author_follow_each_other_for_five_minutes(room, bob, charlie):
    first, second = post_message(room, bob, "one"), post_message(room, bob, "two")
    assert (first.follows, second.follows) == (False, True)
    assert (first.previous_at, second.previous_at) == (None, first.at)
    assert not post_message(room, charlie, "three").follows
    Message.objects.update(at=timezone.now() - timedelta(minutes=5, seconds=1))
    assert not post_message(room, charlie, "four").follows


def test_a_message_is_published_when_it_is_committed(room, bob, publishes):
    with publishes() as topics:
        post_message(room, bob, "hello", "form-1")
    assert topics == ["room.general"]


def test_a_repeated_message_is_not_published_again(room, bob, publishes):
    post_message(room, bob, "hello", "form-1")
    with publishes() as topics:
        post_message(room, bob, "hello", "form-1")
    assert topics == []


def test_saving_a_room_leaves_its_counters_alone(room, bob, publishes):
    stale = Room.objects.get(pk=room.pk)
    post_message(room, bob, "hello")
    stale.name = "Everybody"
    with publishes() as topics:
        save_room(stale)
    room.refresh_from_db()
    assert (room.name, room.last_seq, room.version, topics) == ("Everybody", 1, 2, ["room.general"])
