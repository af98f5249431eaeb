"""Who opens a socket: the origin rule, the session cookie, the personal token."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.http.cookie import parse_cookie
from django.http.request import split_domain_port, validate_host
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from live.accounts.tokens import person_of_token
from live.people import GUEST, Person, load_people, load_person

Headers = list[tuple[bytes, bytes]]
PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Identity:
    """A person and what their presence rests on: a session, a token, or nothing (a guest)."""

    person: Person = GUEST
    session_key: str = ""
    token_id: int | None = None


class ForeignOrigin(Exception):
    """The handshake comes from a page that is not ours, or from no page and without a token."""


def header_values(headers: Headers, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in headers if key == name]


def bearer(headers: Headers) -> str:
    """The token of an `Authorization: Bearer …` header, "" when there is none."""
    values = header_values(headers, b"authorization")
    scheme, _, token = (values[0] if len(values) == 1 else "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def check_origin(scope: dict[str, Any]) -> None:
    """Raise ForeignOrigin unless the handshake comes from a page of ours, or brings a token and no Origin.

    Browsers always send Origin and cannot set Authorization, so a token without an Origin cannot be forged by a
    foreign page. Host is checked as well, against DNS rebinding.
    """
    headers = scope["headers"]
    hosts, origins = header_values(headers, b"host"), header_values(headers, b"origin")
    if len(hosts) != 1 or not _is_host_of_ours(hosts[0], tuple(_allowed_hosts())):
        raise ForeignOrigin("host")
    if not origins and bearer(headers):
        return
    if len(origins) != 1 or not _is_ours(origins[0], hosts[0], scope):
        raise ForeignOrigin("origin")


def identify_all(scopes: Iterable[dict[str, Any]]) -> list[Identity | None]:
    """Who they are, from the database; None where a token was given that is not valid. Raises nothing for bad input.

    A token without an Origin counts alone: cookies that come with it are ignored. Takes a constant number of queries,
    and a few more for each token.
    """
    doors = [_presented(scope["headers"]) for scope in scopes]
    sessions = _of_sessions({key for _token, key in doors if key})
    return [_of_token(token) if token else sessions.get(key, Identity()) for token, key in doors]


def _presented(headers: Headers) -> tuple[str, str]:
    """The token and the session key that count; at most one is not empty."""
    token = bearer(headers)
    if token and not header_values(headers, b"origin"):
        return token, ""
    key = _cookies(headers).get(settings.SESSION_COOKIE_NAME, "")
    return "", key if key.isalnum() else ""  # PostgreSQL refuses to look for some of what a cookie may hold.


def device(scope: dict[str, Any]) -> str:
    """The browser's own random id, which counts a guest's tabs as one guest; "" for programs."""
    return _cookies(scope["headers"]).get("device", "")[:32]


def session_hash_matches(user: Any, password: str, stored: str) -> bool:
    """Whether a session was made with this (hashed) password. `user` is any of Django's: it knows how to hash."""
    user.password = password
    hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(stored, fresh) for fresh in hashes)


def _of_token(token: str) -> Identity | None:
    found = person_of_token(token)
    if found is None:
        return None
    token_id, user_id = found
    person = load_person(user_id)
    return None if person.is_guest else Identity(person, token_id=token_id)


def _of_sessions(keys: set[str]) -> dict[str, Identity]:
    """The signed-in people among the session keys."""
    if not keys:
        return {}
    rows = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    store = SessionStore()
    held = {key: store.decode(data) for key, data in rows.values_list("session_key", "session_data")}
    signed_in = {key: data for key, data in held.items() if _is_signed_in(data)}
    ids = {key: _user_id(data) for key, data in signed_in.items()}
    people = load_people(ids.values())
    found = ((key, people.get(ids[key]), data.get(HASH_SESSION_KEY, "")) for key, data in signed_in.items())
    user = get_user_model()()  # One for all: a model instance costs more than the hash.
    return {
        key: Identity(person, session_key=key)
        for key, person, stored in found
        if person is not None and session_hash_matches(user, person.password, stored)
    }


def _is_signed_in(data: dict[str, Any]) -> bool:
    return SESSION_KEY in data and data.get(BACKEND_SESSION_KEY) in settings.AUTHENTICATION_BACKENDS


def _user_id(data: dict[str, Any]) -> int:
    return get_user_model()._meta.pk.to_python(data[SESSION_KEY])


def _cookies(headers: Headers) -> dict[str, str]:
    return parse_cookie("; ".join(header_values(headers, b"cookie")))


@lru_cache(maxsize=64)
def _is_host_of_ours(host: str, allowed: tuple[str, ...]) -> bool:
    return validate_host(split_domain_port(host)[0], allowed)


def _allowed_hosts() -> list[str]:
    return settings.ALLOWED_HOSTS or [".localhost", "127.0.0.1", "[::1]"]


def _is_ours(origin: str, host: str, scope: dict[str, Any]) -> bool:
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    scheme = "https" if settings.HTTPS or scope.get("scheme") == "wss" else "http"
    try:
        return _place(origin) == _place(f"{scheme}://{host}")
    except ValueError:  # A port or an IPv6 address that cannot be read.
        return False


@lru_cache(maxsize=64)
def _place(address: str) -> tuple[str, str, int]:
    """Scheme, host and port; raises ValueError for what is no origin."""
    parts = urlsplit(address)
    if parts.scheme not in PORTS or not parts.hostname or parts.path or parts.query or parts.username:
        raise ValueError(address)
    return parts.scheme, parts.hostname, parts.port or PORTS[parts.scheme]
