"""The account page: the password, personal tokens, and the stylesheet that differs per person."""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from live.accounts.models import PersonalToken
from live.accounts.tokens import make_personal_token, person_of_token
from tests.live.conftest import PASSWORD

NEW = "another long passphrase"
TOKEN = re.compile(r"wfp_[\w-]{43}")


def password_form(old=PASSWORD, new=NEW):
    return {"old_password": old, "new_password1": new, "new_password2": new}


def test_a_changed_password_keeps_this_session_and_ends_the_others(bob, signed_in, publishes):
    here, elsewhere = signed_in(bob), signed_in(bob)
    with publishes() as topics:
        assert here.post("/account/password/", password_form()).status_code == 303
    assert topics == [f"user.{bob.pk}"]
    assert here.get("/account/").status_code == 200
    assert elsewhere.get("/account/").status_code == 302
    bob.refresh_from_db()
    assert bob.check_password(NEW)


@pytest.mark.parametrize("form", [password_form(old="wrong"), password_form(new="short"), {}])
def test_a_password_that_will_not_do_is_refused(bob, signed_in, form):
    response = signed_in(bob).post("/account/password/", form)
    assert response.status_code == 422
    assert response.context["password_form"].errors
    bob.refresh_from_db()
    assert bob.check_password(PASSWORD)


def test_nothing_takes_the_focus_of_the_page_but_what_is_wrong(bob, signed_in):
    client = signed_in(bob)
    assert "autofocus" not in client.get("/account/").content.decode()
    html = client.post("/account/password/", password_form(new="short")).content.decode()
    assert re.findall(r'name="(\w+)"[^>]*autofocus', html) == ["new_password2"]


def test_a_new_token_is_shown_once_and_kept_nowhere(bob, signed_in, caplog):
    client = signed_in(bob)
    with caplog.at_level(logging.DEBUG):
        response = client.post("/account/tokens/", {"name": "deploys"})
    (token,) = set(TOKEN.findall(response.content.decode()))
    assert "no-store" in response["Cache-Control"]
    assert token not in client.get("/account/").content.decode()
    assert token not in caplog.text
    assert token not in str([dict(session.get_decoded()) for session in Session.objects.all()])
    assert token not in str(list(PersonalToken.objects.values()))
    assert token not in response.request["PATH_INFO"] + response.request["QUERY_STRING"]
    assert person_of_token(token) == (PersonalToken.objects.get().pk, bob.pk)


def test_ones_own_tokens_are_listed_and_nobody_elses(bob, charlie, signed_in):
    make_personal_token(bob, "deploys of bob")
    make_personal_token(charlie, "deploys of charlie")
    html = signed_in(bob).get("/account/").content.decode()
    assert "deploys of bob" in html
    assert "deploys of charlie" not in html


@pytest.mark.parametrize("language, time", [("en", "2031-05-01 09:30"), ("ru", "01.05.2031 09:30")])
def test_a_tokens_times_are_written_as_the_language_does(bob, signed_in, settings, language, time):
    settings.TIME_ZONE = "Asia/Tokyo"
    make_personal_token(bob, "deploys")
    PersonalToken.objects.update(last_used_at=datetime(2031, 5, 1, 0, 30, tzinfo=UTC))
    html = signed_in(bob).get("/account/", headers={"accept-language": language}).content.decode()
    assert f"{time}</td>" in html


def test_a_revoked_token_is_worth_nothing(bob, signed_in, publishes):
    text = make_personal_token(bob)
    token = PersonalToken.objects.get()
    with publishes() as topics:
        assert signed_in(bob).post("/account/tokens/revoke/", {"id": token.pk}).status_code == 303
    assert topics == [f"user.{bob.pk}"]
    assert person_of_token(text) is None


@pytest.mark.parametrize("number", ["other", "", "x", "0"])
def test_nobody_revokes_what_is_not_theirs(bob, charlie, signed_in, number):
    text = make_personal_token(charlie)
    number = PersonalToken.objects.get().pk if number == "other" else number
    assert signed_in(bob).post("/account/tokens/revoke/", {"id": number}).status_code == 404
    assert person_of_token(text)


@pytest.mark.parametrize("path", ["/account/", "/account/password/", "/account/tokens/", "/account/tokens/revoke/"])
def test_a_guest_has_no_account(db, path):
    client = Client()
    for response in (client.get(path), client.post(path)):
        assert response.status_code == 302
        assert response["Location"].startswith("/accounts/login/")


def test_the_stylesheet_shows_authors_their_buttons_and_staff_all(alice, bob, signed_in):
    def css(client):
        return client.get("/account/style.css").content.decode()

    assert css(Client()) == ""
    assert css(signed_in(bob)) == f'[data-author="{bob.pk}"] .retract{{display:inline-grid}}\n'
    assert css(signed_in(alice)) == ".retract{display:inline-grid}\n"


def test_the_stylesheet_is_private_and_kept_until_it_changes(bob, alice, signed_in):
    first = signed_in(bob).get("/account/style.css")
    assert first["Content-Type"].startswith("text/css")
    assert first["Cache-Control"] == "private, no-cache"
    assert "Cookie" in first["Vary"]
    known = {"If-None-Match": first["ETag"]}
    assert signed_in(bob).get("/account/style.css", headers=known).status_code == 304
    assert signed_in(alice).get("/account/style.css", headers=known).status_code == 200
