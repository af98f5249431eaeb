"""Personal tokens: made, recognised, revoked. The text of a token is never stored."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from functools import partial

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from live.accounts.models import PersonalToken
from live.push.signals import publish

PREFIX = "wfp_"  # so that scanners of leaked secrets can recognise one
SECRET_BYTES = 32
SHOWN = len(PREFIX) + 6
LONGEST = 100
USE_NOTED_EVERY = timedelta(minutes=1)


def make_personal_token(user: User, name: str = "") -> str:
    """A new token for `user`, returned this once."""
    text = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    PersonalToken.objects.create(user=user, name=name, prefix=text[:SHOWN], digest=_digest(text))
    return text


def revoke_personal_token(token: PersonalToken) -> bool:
    """End a token and the sockets that were opened with it; False when it had been revoked before."""
    with transaction.atomic():
        alive = PersonalToken.objects.filter(pk=token.pk, revoked_at=None)
        transaction.on_commit(partial(publish, f"user.{token.user_id}"), robust=True)
        return alive.update(revoked_at=timezone.now()) == 1


def person_of_token(text: str) -> tuple[int, int] | None:
    """The ids of the token and its person; None unless it is alive and the person active.

    Found by digest: how long the search takes says nothing about the token.
    """
    if not text.startswith(PREFIX) or len(text) > LONGEST:
        return None
    found = PersonalToken.objects.alive().filter(digest=_digest(text)).values_list("pk", "user_id").first()
    if found:
        _note_use(found[0])
    return found


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _note_use(token_id: int) -> None:
    now = timezone.now()
    unnoted = Q(last_used_at=None) | Q(last_used_at__lt=now - USE_NOTED_EVERY)
    PersonalToken.objects.filter(unnoted, pk=token_id).update(last_used_at=now)
