from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from live.chat.models import Message
from live.chat.verbs import post_message


@pytest.fixture(autouse=True)
def five_at_once(settings):
    settings.LIMITS = settings.LIMITS | {"chat": 5}


def test_the_sixth_message_within_ten_seconds_is_refused(room, bob):
    for number in range(5):
        post_message(room, bob, f"number {number}")
    with pytest.raises(ValidationError, match="very fast"):
        post_message(room, bob, "number 5")
    assert room.messages.count() == 5


def test_ten_seconds_later_it_is_taken(room, bob):
    for number in range(5):
        post_message(room, bob, f"number {number}")
    Message.objects.update(at=timezone.now() - timedelta(seconds=10))
    assert post_message(room, bob, "number 5").seq == 6


def test_the_limit_counts_over_all_rooms(rooms, bob):
    for number in range(5):
        post_message(rooms["general" if number % 2 else "team"], bob, f"number {number}")
    with pytest.raises(ValidationError):
        post_message(rooms["general"], bob, "once more")


def test_each_person_has_a_limit_of_their_own(room, bob, charlie):
    for number in range(5):
        post_message(room, bob, f"number {number}")
    assert post_message(room, charlie, "hello")


def test_a_form_that_is_sent_again_does_not_count(room, bob):
    for number in range(5):
        post_message(room, bob, f"number {number}", cid=f"c{number}")
    assert post_message(room, bob, "number 4", cid="c4").body == "number 4"


def test_a_limit_of_0_is_none(room, bob, settings):
    settings.LIMITS = settings.LIMITS | {"chat": 0}
    for number in range(20):
        post_message(room, bob, f"number {number}")


def test_who_writes_too_fast_reads_why_and_keeps_the_words(room, bob, signed_in):
    client = signed_in(bob)
    for number in range(5):
        client.post("/chat/general/messages/", {"message": f"number {number}", "cid": f"c{number}"})
    answer = client.post(
        "/chat/general/messages/", {"message": "one too many", "cid": "c9"}, headers={"hx-request": "true"}
    )
    assert answer.status_code == 422
    assert "You write very fast" in answer.text
    assert "one too many" in answer.text
