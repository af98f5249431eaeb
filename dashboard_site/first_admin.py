"""The first admin, made once."""

from __future__ import annotations

import os
import secrets

from django.contrib.auth import get_user_model

PASSWORD_BYTES = 12


def make_first_admin() -> tuple[str, str] | None:
    """(name, password) of a superuser just made, to be shown once; None when there is one already.

    `DJANGO_SUPERUSER_USERNAME`, `_PASSWORD` and `_EMAIL` are used where set; a password that was given is not repeated.
    """
    users = get_user_model()
    if users.objects.filter(is_superuser=True).exists():
        return None
    name = os.environ.get("DJANGO_SUPERUSER_USERNAME") or "admin"
    given = os.environ.get("DJANGO_SUPERUSER_PASSWORD", "")
    password = given or secrets.token_urlsafe(PASSWORD_BYTES)
    users.objects.create_superuser(name, os.environ.get("DJANGO_SUPERUSER_EMAIL", ""), password)
    return name, "as set in DJANGO_SUPERUSER_PASSWORD" if given else password
