from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from live.accounts.tokens import make_personal_token
from live.push.identity import ForeignOrigin, check_origin, identify_all


def scope(*headers: tuple[str, str], scheme: str = "ws") -> dict:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers]
    return {"scheme": scheme, "headers": raw}


HOST = ("Host", "localhost:8000")
BEARER = ("Authorization", "Bearer wfp_anything")


@pytest.mark.parametrize(
    "headers", [[("Origin", "http://localhost:8000")], [("Origin", "http://LOCALHOST:8000")], [BEARER]]
)
def test_our_own_pages_and_programs_with_a_token_are_let_in(headers):
    check_origin(scope(HOST, *headers))


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Origin", "http://evil.example")],
        [("Origin", "http://evil.example"), BEARER],
        [("Origin", "https://localhost:8000")],
        [("Origin", "http://localhost:8001")],
        [("Origin", "http://localhost")],
        [("Origin", "http://localhost:8000/path")],
        [("Origin", "http://user@localhost:8000")],
        [("Origin", "null")],
        [("Origin", "")],
        [("Origin", "http://[::1")],
        [("Origin", "http://localhost:port")],
        [("Origin", "http://localhost:99999")],
        [("Origin", "http://localhost:8000"), ("Origin", "http://localhost:8000")],
        [("Authorization", "Bearer ")],
        [("Authorization", "Basic eA==")],
        [("Authorization", "Bearer a"), ("Authorization", "Bearer b")],
    ],
)
def test_every_other_handshake_is_refused(headers):
    with pytest.raises(ForeignOrigin):
        check_origin(scope(HOST, *headers))


@pytest.mark.parametrize("hosts", [[], [("Host", "evil.example")], [HOST, HOST], [("Host", "")]])
def test_a_wrong_host_is_refused_even_with_a_matching_origin(hosts):
    origin = ("Origin", f"http://{hosts[0][1] if hosts else 'localhost:8000'}")
    with pytest.raises(ForeignOrigin):
        check_origin(scope(*hosts, origin))
    with pytest.raises(ForeignOrigin):
        check_origin(scope(*hosts, BEARER))


def test_behind_a_proxy_that_ends_tls_the_origin_is_https(settings):
    settings.HTTPS = True
    check_origin(scope(HOST, ("Origin", "https://localhost:8000")))
    with pytest.raises(ForeignOrigin):
        check_origin(scope(HOST, ("Origin", "http://localhost:8000")))


def test_a_trusted_origin_is_let_in(settings):
    settings.CSRF_TRUSTED_ORIGINS = ["https://ops.example"]
    check_origin(scope(HOST, ("Origin", "https://ops.example")))


def test_hosts_are_judged_by_the_settings_of_the_moment(settings):
    headers = scope(("Host", "ops.example"), ("Origin", "http://ops.example"))
    settings.ALLOWED_HOSTS = ["ops.example"]
    check_origin(headers)
    settings.ALLOWED_HOSTS = ["other.example"]
    with pytest.raises(ForeignOrigin):
        check_origin(headers)


@pytest.fixture
def alice(db) -> User:
    return User.objects.create_user("alice", password="correct horse")


@pytest.fixture
def cookie(alice) -> tuple[str, str]:
    client = Client()
    client.force_login(alice)
    return "Cookie", f"other=1; {settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


ORIGIN = ("Origin", "http://localhost:8000")


def told_by(*headers):
    """Who a socket with these headers is."""
    [identity] = identify_all([scope(*headers)])
    return identity


def test_a_session_says_who_it_is(alice, cookie):
    group = Group.objects.create(name="Night shift")
    alice.groups.add(group)
    identity = told_by(HOST, ORIGIN, cookie)
    assert (identity.person.id, identity.person.name) == (alice.pk, "alice")
    assert identity.person.groups == {group.pk}


def test_a_token_says_who_it_is_and_cookies_beside_it_are_ignored(alice, cookie):
    bob = User.objects.create_user("bob")
    token = ("Authorization", f"Bearer {make_personal_token(bob)}")
    assert told_by(HOST, token, cookie).person.name == "bob"


def test_with_an_origin_the_session_counts_and_not_the_token(alice, cookie):
    token = ("Authorization", f"Bearer {make_personal_token(User.objects.create_user('bob'))}")
    assert told_by(HOST, ORIGIN, token, cookie).person.name == "alice"


def test_a_token_that_is_not_valid_is_nobody(db):
    assert told_by(HOST, BEARER) is None


def end_session(alice):
    from django.contrib.sessions.models import Session

    Session.objects.all().delete()


def expire_session(alice):
    from django.contrib.sessions.models import Session

    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))


def change_password(alice):
    alice.set_password("another one")
    alice.save()


def deactivate(alice):
    User.objects.update(is_active=False)


def test_of_many_each_is_who_their_own_session_says(alice, cookie):
    bob, carol = (User.objects.create_user(name, password=f"{name} {name}") for name in ("bob", "carol"))
    cookies = {}
    for user in (bob, carol):
        client = Client()
        client.force_login(user)
        cookies[user.username] = ("Cookie", f"sessionid={client.cookies['sessionid'].value}")
    change_password(bob)
    told = [scope(HOST, ORIGIN, one) for one in (cookies["carol"], cookies["bob"], cookie)]
    assert [identity.person.name for identity in identify_all(told)] == ["carol", "", "alice"]


@pytest.mark.parametrize("event", [end_session, expire_session, change_password, deactivate, User.delete])
def test_what_ends_a_session_makes_its_sockets_guests(alice, cookie, event):
    event(alice)
    assert told_by(HOST, ORIGIN, cookie).person.is_guest


@pytest.mark.parametrize(
    "cookie", ["", "sessionid=", "sessionid=junk", "sessionid=\x00", ";;;=;", "sessionid=" + "x" * 5000]
)
def test_junk_cookies_are_a_guest(db, cookie):
    assert told_by(HOST, ORIGIN, ("Cookie", cookie)).person.is_guest
