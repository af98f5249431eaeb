"""Tokens that let a source send: made once, shown once, kept as SHA-256."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from hashlib import sha256

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from live.database import in_pool
from metrics.ingest.calls import Sender
from metrics.ingest.naming import BadLabels, fit_labels
from metrics.series.readings import Labels
from metrics.sources.models import Source, SourceToken

MARK = "wfs_"
CACHE_S = 3.0
CACHE_SIZE = 10_000
USED_EVERY = timedelta(minutes=1)


def make_source_token(source: Source, name: str = "") -> str:
    """A new token of the source. The plain text is returned here and never again."""
    if source.kind != Source.Kind.PUSH:
        raise ValidationError(_("Watchfloor fills this source itself; nobody sends to it."))
    token = MARK + secrets.token_urlsafe(32)
    SourceToken.objects.create(source=source, name=name, digest=_digest(token), prefix=token[:10])
    return token


def rotate_source_token(old: SourceToken) -> str:
    """A new token in the place of an old one, which lets in as well until it is revoked. In plain text, as above."""
    with transaction.atomic():
        token = make_source_token(old.source, old.name)
        SourceToken.objects.filter(pk=old.pk).update(successor=SourceToken.objects.get(digest=_digest(token)))
    return token


def revoke_source_token(token: SourceToken) -> None:
    """Refuse the token from now on; every process obeys within 5 s."""
    SourceToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())


def find_sender(token: str) -> Sender | None:
    """The source that the token lets in, or None.

    The look-up is by digest: its time tells an attacker nothing about a token.
    """
    live = SourceToken.objects.filter(digest=_digest(token), revoked_at=None).select_related("source")
    found = live.first()
    if found is None:
        return None
    _note_use(found.pk)
    source = found.source
    return Sender(source.pk, source.name, _labels(source.labels), source.rate_limit)


def _labels(labels: Mapping[str, str]) -> Labels:
    """None of them, when a script wrote what no sender may send."""
    try:
        return fit_labels(labels)
    except BadLabels:
        return ()


def _note_use(pk: int) -> None:
    now = timezone.now()
    unnoted = Q(last_used_at=None) | Q(last_used_at__lt=now - USED_EVERY)
    SourceToken.objects.filter(unnoted, pk=pk).update(last_used_at=now)


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()


class TokenCache:
    """Remembers for 3 s what a token let in, so that a stream of requests costs one look-up."""

    def __init__(
        self,
        find: Callable[[str], Sender | None] = find_sender,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._find = find
        self._clock = clock
        self._known: dict[str, tuple[float, Sender | None]] = {}

    async def sender_of(self, token: str) -> Sender | None:
        """Whom the token lets in, or None. Raises what the database raises, TimeoutError included."""
        if not token.startswith(MARK) or not token.isascii() or len(token) > 100:
            return None
        digest = _digest(token)
        until, sender = self._known.get(digest, (0.0, None))
        if until > self._clock():
            return sender
        # The time counts from before the look-up, so that a slow one does not lengthen a revoked token's life.
        until = self._clock() + CACHE_S
        sender = await in_pool(self._find, token)
        self._remember(digest, until, sender)
        return sender

    def _remember(self, digest: str, until: float, sender: Sender | None) -> None:
        if len(self._known) >= CACHE_SIZE:
            self._known.clear()
        self._known[digest] = (until, sender)
