"""Make people who are signed in, and print a Cookie header for each.

python -m benchmarks.contenders.wall.people COUNT
"""

from __future__ import annotations

import os
import secrets
import sys
from datetime import timedelta

os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.contenders.wall.settings"

import django

django.setup()

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils import timezone


def main(count: int) -> None:
    names = [f"person-{number:05}" for number in range(count)]
    User.objects.bulk_create([User(username=name, password=f"!{secrets.token_hex(20)}") for name in names])
    sessions = [session(user) for user in User.objects.filter(username__in=names)]
    Session.objects.bulk_create(sessions)
    for one in sessions:
        print(f"{settings.SESSION_COOKIE_NAME}={one.session_key}; device={secrets.token_urlsafe(16)}")


def session(user: User) -> Session:
    held = {
        SESSION_KEY: str(user.pk),
        BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[-1],
        HASH_SESSION_KEY: user.get_session_auth_hash(),
    }
    key, expires = secrets.token_hex(16), timezone.now() + timedelta(days=1)
    return Session(session_key=key, session_data=SessionStore().encode(held), expire_date=expires)


if __name__ == "__main__":
    main(int(sys.argv[1]))
