"""Signing in and out, and what a wrong attempt is told."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.test import Client

from tests.live.conftest import PASSWORD

LOGIN = "/accounts/login/"


def sign_in(name, password=PASSWORD, **more):
    client = Client()
    return client, client.post(LOGIN, {"username": name, "password": password} | more)


def test_a_person_signs_in_and_out(bob):
    client, response = sign_in("bob")
    assert (response.status_code, response["Location"]) == (302, "/")
    assert client.get("/account/").status_code == 200
    assert client.get("/accounts/logout/").status_code == 405
    assert client.post("/accounts/logout/").status_code == 302
    assert client.get("/account/").status_code == 302


@pytest.mark.parametrize("name, password", [("bob", "wrong"), ("nobody", PASSWORD), ("bob", "")])
def test_a_wrong_attempt_does_not_tell_what_was_wrong(bob, name, password):
    client, response = sign_in(name, password)
    assert response.status_code == 200
    if password:
        assert response.context["form"].non_field_errors() == ["Name and password do not match."]
    assert "_auth_user_id" not in client.session


def test_somebody_who_is_no_longer_active_is_told_the_same(bob):
    bob.is_active = False
    bob.save()
    _client, response = sign_in("bob")
    assert response.context["form"].non_field_errors() == ["Name and password do not match."]


def test_one_stays_signed_in_only_when_asked(bob):
    brief, _response = sign_in("bob")
    long, _response = sign_in("bob", keep="on")
    assert brief.cookies[settings.SESSION_COOKIE_NAME]["max-age"] == ""
    assert long.cookies[settings.SESSION_COOKIE_NAME]["max-age"] == settings.SESSION_COOKIE_AGE


@pytest.mark.parametrize(
    "path, safe",
    [
        ("/chat/team/", True),
        ("//evil.example/", False),
        ("https://evil.example/", False),
        ("/\\evil.example", False),
        ("https:evil.example", False),
        ("javascript:alert(1)", False),
    ],
)
def test_signing_in_leads_only_to_our_own_pages(bob, path, safe):
    _client, response = sign_in("bob", next=path)
    assert response["Location"] == (path if safe else "/")


def test_signing_in_makes_a_new_session(bob):
    client = Client()
    client.session["x"] = 1
    before = client.session.session_key
    client.post(LOGIN, {"username": "bob", "password": PASSWORD})
    assert client.session.session_key != before


@pytest.mark.parametrize("theme, kept", [("dark", "dark"), ("light", "light"), ("system", "system"), ("neon", None)])
def test_a_theme_is_kept_in_a_cookie(db, theme, kept):
    client = Client()
    response = client.post("/account/theme/", {"theme": theme, "next": "/chat/"})
    assert (response.status_code, response["Location"]) == (303, "/chat/")
    cookie = client.cookies.get("theme")
    assert (cookie.value if cookie else None) == kept


def test_choosing_a_theme_leads_only_to_our_own_pages(db):
    assert Client().post("/account/theme/", {"theme": "dark", "next": "//evil.example/"})["Location"] == "/"


def test_the_language_follows_the_switch(bob, signed_in):
    client = signed_in(bob)
    client.post("/i18n/setlang/", {"language": "ru", "next": "/chat/"})
    assert '<html lang="ru"' in client.get("/chat/").content.decode()
