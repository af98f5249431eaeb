"""The chat's pages: who sees which room, how one writes with and without scripts, how one reads on."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from django.core.exceptions import ValidationError
from django.test import Client

from live.chat.models import Message, Room
from live.chat.topic import PAGE, line_part
from live.chat.verbs import post_message, retract
from live.push.rendering import print_part

HTMX = {"HX-Request": "true"}
VISIBLE = {"guest": {"general"}, "bob": {"general", "team"}, "charlie": {"general", "team", "night"}}


@pytest.fixture
def visitors(bob, charlie, rooms, signed_in):
    return {"guest": Client(), "bob": signed_in(bob), "charlie": signed_in(charlie)}


def say(room, author, count):
    for number in range(count):
        post_message(room, author, f"message number {number}")


def lines(html):
    return [int(seq) for seq in re.findall(r'id="message-general-(\d+)"', html)]


def page(client, address="/chat/general/", **options):
    response = client.get(address, **options)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize("visitor", VISIBLE)
def test_the_list_holds_the_rooms_that_one_may_see(visitors, visitor):
    html = page(visitors[visitor], "/chat/")
    assert {slug for slug in VISIBLE["charlie"] if f"/chat/{slug}/" in html} == VISIBLE[visitor]


@pytest.mark.parametrize("visitor", ["bob", "charlie"])
def test_a_hidden_room_answers_like_one_that_is_not_there(visitors, visitor):
    client = visitors[visitor]
    allowed = "night" in VISIBLE[visitor]
    assert client.get("/chat/night/").status_code == (200 if allowed else 404)
    assert client.get("/chat/night/?before=9").status_code == (200 if allowed else 404)
    assert client.post("/chat/night/messages/", {"message": "hi"}).status_code == (303 if allowed else 404)
    assert client.get("/chat/nowhere/").status_code == 404
    assert Message.objects.count() == allowed


def test_a_guest_is_asked_to_sign_in_for_rooms_that_are_hidden_or_not_there(visitors):
    for slug in ("team", "night", "nowhere"):
        response = visitors["guest"].get(f"/chat/{slug}/")
        assert (response.status_code, response.url) == (302, f"/accounts/login/?next=/chat/{slug}/")


def test_a_guest_reads_and_sees_why_writing_is_not_for_guests(visitors, room, bob):
    post_message(room, bob, "hello everybody")
    html = page(visitors["guest"])
    assert "hello everybody" in html
    assert "Sign in to write" in html
    assert "<textarea" not in html
    assert 'name="message"' not in html


@pytest.mark.parametrize("slug", ["general", "team", "nowhere"])
@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_guests_message_is_refused(visitors, slug, headers):
    response = visitors["guest"].post(f"/chat/{slug}/messages/", {"message": "hi"}, headers=headers)
    assert response.status_code == 403
    assert "Sign in to write" in response.content.decode()
    assert Message.objects.count() == 0


def test_a_message_needs_the_form_of_our_page(room, bob):
    client = Client(enforce_csrf_checks=True)
    client.force_login(bob)
    assert client.post("/chat/general/messages/", {"message": "hi"}).status_code == 403
    token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page(client))[0]
    sent = client.post("/chat/general/messages/", {"message": "hi", "csrfmiddlewaretoken": token})
    assert sent.status_code == 303


def test_a_form_of_another_session_is_told_to_reload(room, bob):
    client = Client(enforce_csrf_checks=True)
    client.force_login(bob)
    response = client.post("/chat/general/messages/", {"message": "hi"})
    assert "reload" in response.content.decode()


def test_without_scripts_a_message_leads_back_to_the_room(visitors, room):
    response = visitors["bob"].post("/chat/general/messages/", {"message": "hi", "cid": "a"})
    assert (response.status_code, response.url) == (303, "/chat/general/")
    assert lines(page(visitors["bob"])) == [1]


def test_with_scripts_the_answer_is_a_fresh_form_and_the_line(visitors, room):
    response = visitors["bob"].post("/chat/general/messages/", {"message": "hi", "cid": "a"}, headers=HTMX)
    html = response.content.decode()
    assert response.status_code == 200
    line = print_part(line_part(room, room.messages.get()))
    assert f'<hx-partial hx-target="#room-general-log" hx-swap="upsert">{line}</hx-partial>' in html
    assert 'id="compose-' in html
    assert 'id="compose-a"' not in html
    assert 'value="hi"' not in html


def test_a_message_that_cannot_be_sent_keeps_the_draft_and_says_why(visitors, room):
    draft = "x" * 2001
    for headers in ({}, HTMX):
        response = visitors["bob"].post("/chat/general/messages/", {"message": draft, "cid": "abc"}, headers=headers)
        html = response.content.decode()
        assert response.status_code == 422
        assert draft in html
        assert "1 character too long" in html
        assert 'id="compose-abc"' in html
        assert ("<html" in html) is (headers == {})


def test_an_empty_message_is_refused(visitors, room):
    response = visitors["bob"].post("/chat/general/messages/", {}, headers=HTMX)
    assert response.status_code == 422
    assert Message.objects.count() == 0


def test_a_message_that_is_html_shows_as_text(visitors, room, bob):
    post_message(room, bob, '<script>alert(1)</script><hx-partial hx-target="#live">')
    html = page(visitors["guest"])
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&lt;hx-partial" in html
    assert "<script>alert" not in html


def test_page_and_push_print_the_same_line(visitors, room, bob):
    message = post_message(room, bob, "one <b>&</b>\ntwo")
    assert print_part(line_part(room, message)) in page(visitors["guest"])


def test_earlier_lines_are_read_page_by_page_without_overlap_or_hole(visitors, room, bob):
    say(room, bob, 2 * PAGE + 5)
    html = page(visitors["guest"])
    seen = lines(html)
    while found := re.search(r'hx-get="([^"]+)"', html):
        html = page(visitors["guest"], found[1], headers=HTMX)
        assert "<html" not in html
        seen = lines(html) + seen
    assert seen == list(range(1, 2 * PAGE + 6))


def test_earlier_lines_can_be_read_without_scripts(visitors, room, bob):
    say(room, bob, PAGE + 5)
    address = re.findall(r'href="([^"]+before=\d+)"', page(visitors["guest"]))[0]
    html = page(visitors["guest"], address)
    assert lines(html) == [1, 2, 3, 4, 5]
    assert "<html" in html


@pytest.mark.parametrize("before", ["", "x", "-1", "1.5", "9" * 30, "²"])
def test_an_address_of_no_page_is_not_found(visitors, room, before):
    for headers in ({}, HTMX):
        assert visitors["guest"].get("/chat/general/", {"before": before}, headers=headers).status_code == 404


@pytest.mark.parametrize("before", ["0", "1", "999999999999999999"])
def test_pages_beyond_the_ends_are_answered(visitors, room, bob, before):
    say(room, bob, 2)
    assert lines(page(visitors["guest"], f"/chat/general/?before={before}")) == ([1, 2] if len(before) > 1 else [])


def test_the_number_of_queries_does_not_grow_with_the_messages(visitors, rooms, bob, django_assert_max_num_queries):
    for path in ("/chat/", "/chat/general/", "/chat/general/?before=30"):
        page(visitors["bob"], path)
    say(rooms["general"], bob, 40)
    say(rooms["team"], bob, 3)
    for path, most in {"/chat/": 6, "/chat/general/": 9, "/chat/general/?before=30": 9}.items():
        with django_assert_max_num_queries(most):
            page(visitors["bob"], path)


def test_the_author_takes_a_message_back(visitors, room, bob):
    post_message(room, bob, "secret words")
    response = visitors["bob"].post("/chat/general/retract/", {"seq": 1}, headers=HTMX)
    assert 'id="message-general-1"' in response.content.decode()
    html = page(visitors["guest"])
    assert "secret words" not in html
    assert lines(html) == [1]


def test_without_scripts_taking_back_leads_to_the_room(visitors, room, bob):
    post_message(room, bob, "secret words")
    assert visitors["bob"].post("/chat/general/retract/", {"seq": 1}).url == "/chat/general/"


@pytest.mark.parametrize("visitor", ["guest", "charlie"])
def test_others_do_not_take_a_message_back(visitors, room, bob, visitor):
    post_message(room, bob, "words")
    for headers in ({}, HTMX):
        response = visitors[visitor].post("/chat/general/retract/", {"seq": 1}, headers=headers)
        assert response.status_code == 403
    assert not Message.objects.exclude(retracted_at=None).exists()


def test_a_refused_retraction_says_why_beside_the_page(visitors, room, bob):
    post_message(room, bob, "words")
    html = visitors["charlie"].post("/chat/general/retract/", {"seq": 1}, headers=HTMX).content.decode()
    assert html.startswith('<hx-partial hx-target="#toasts"')
    assert "Only its author" in html


@pytest.mark.parametrize("seq", ["", "2", "x"])
def test_a_message_that_is_not_there_cannot_be_taken_back(visitors, room, bob, seq):
    post_message(room, bob, "words")
    assert visitors["bob"].post("/chat/general/retract/", {"seq": seq}).status_code == 404


def test_who_lost_sight_of_a_room_takes_nothing_back_there(visitors, rooms, charlie):
    message = post_message(rooms["night"], charlie, "words")
    charlie.groups.clear()
    assert visitors["charlie"].post("/chat/night/retract/", {"seq": message.seq}).status_code == 404


def test_the_last_message_is_no_coming_and_no_other_rooms(rooms, bob):
    post_message(rooms["general"], bob, "first")
    last = post_message(rooms["general"], bob, "second")
    post_message(rooms["team"], bob, "elsewhere")
    listed = {room.slug: room.last_message for room in Room.objects.with_last_message()}
    assert listed["general"] == last
    assert listed["night"] is None


def test_changes_are_made_by_post_only(visitors, room):
    for path in ("/chat/general/messages/", "/chat/general/retract/"):
        assert visitors["bob"].get(path).status_code == 405
    assert visitors["bob"].post("/chat/general/").status_code == 405


def test_a_retracted_message_stays_retracted_in_the_answer_to_its_form(visitors, room, bob):
    retract(post_message(room, bob, "oops", "a"), bob)
    html = visitors["bob"].post("/chat/general/messages/", {"message": "oops", "cid": "a"}, headers=HTMX)
    assert "oops" not in html.content.decode()


def test_a_clean_body_is_what_the_verb_asks_for(room, bob):
    with pytest.raises(ValidationError):
        post_message(room, bob, "\x00")


@pytest.mark.parametrize("language, day", [("en", "Thursday, 1 May"), ("ru", "Четверг, 1 мая")])
def test_a_day_is_named_as_the_language_does(room, bob, language, day):
    post_message(room, bob, "good morning")
    Message.objects.update(at=datetime(2031, 5, 1, 9, 30, tzinfo=UTC))
    assert f">{day}</time>" in page(Client(), headers={"accept-language": language})
