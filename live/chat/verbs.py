"""What happens in a room. Every verb locks the room's row first, so that lines are committed in the order of seq."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from live.chat.models import Message, Room
from live.push.signals import publish

MAX_LENGTH = 2000
FOLLOWS_WITHIN = timedelta(minutes=5)
RETRACT_WITHIN = timedelta(minutes=10)
PACE_WITHIN = timedelta(seconds=10)
RETRACT_PERMISSION = "live.retract_message"

Kind = Message.Kind
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_SETTINGS = ["name", "description", "access", "position"]


def clean_body(text: object) -> str:
    """The text as it is stored: trimmed, with plain newlines. Raises ValidationError with a sentence for the writer."""
    if not isinstance(text, str):
        raise ValidationError(_("The message must be text."), code="invalid")
    if _UNSTORABLE.search(text):
        raise ValidationError(_("The message holds characters that cannot be stored."), code="invalid")
    body = re.sub("\r\n?", "\n", text).strip()
    if not body:
        raise ValidationError(_("Write something first."), code="required")
    if len(body) > MAX_LENGTH:
        raise ValidationError(_too_long(len(body)), code="max_length")
    return body


def post_message(room: Room, author: User, body: object, cid: str = "") -> Message:
    """Store what `author` says. The same client id with the same text returns the message that is already stored.

    Raises ValidationError for a text that cannot be said, Room.DoesNotExist for a room that is gone.
    """
    text = clean_body(body)
    nonce = _digest(cid, text) if cid else None
    with transaction.atomic():
        room = _locked(room)
        stored = room.messages.filter(author=author, nonce=nonce).first() if nonce else None
        if stored is None:
            _check_pace(author)
        return stored or _append(room, Kind.MESSAGE, author, body=text, nonce=nonce)


def retract(message: Message, by: User) -> Message:
    """Take a message back; doing it again changes nothing. Raises PermissionDenied with a sentence for `by`."""
    with transaction.atomic():
        room = _locked(message.room)
        message = room.messages.get(pk=message.pk)
        if message.retracted_at is None:
            _check_retraction(message, by)
            message.retracted_at, message.retracted_by = timezone.now(), by
            message.at_version = _touch(room)
            message.save(update_fields=["retracted_at", "retracted_by", "at_version"])
        return message


def arrive(room: Room, user: User) -> Message | None:
    """Note that somebody came; None when the room knows it already."""
    return _note(room, user, Kind.JOIN)


def leave(room: Room, user: User) -> Message | None:
    """Note that somebody went; None when the room knows it already, or has never seen them come."""
    return _note(room, user, Kind.LEAVE)


def save_room(room: Room) -> None:
    """Store a new room, or the settings of a room; its lines and counters are left alone."""
    with transaction.atomic():
        if room.pk is None:
            room.save()
            _publish(room)
        else:
            _touch(_locked(room))
            room.save(update_fields=_SETTINGS)


def remove_room(room: Room) -> None:
    """Delete the room with everything that was said in it."""
    with transaction.atomic():
        _locked(room).delete()
        _publish(room)


def disown(author: User) -> None:
    """Make an author's lines nobody's before the account goes; their name stays."""
    with transaction.atomic():
        mine = Message.objects.filter(Q(author=author) | Q(retracted_by=author)).values("room")
        for room in Room.objects.select_for_update().filter(pk__in=mine).order_by("pk"):
            version = _touch(room)
            room.messages.filter(author=author).update(author=None, at_version=version)
            room.messages.filter(retracted_by=author).update(retracted_by=None, at_version=version)


def _locked(room: Room) -> Room:
    # PostgreSQL locks the row; on SQLite the transaction has held the write lock since BEGIN IMMEDIATE.
    return Room.objects.select_for_update().get(pk=room.pk)


def _touch(room: Room, **changes: Any) -> int:
    """Give the locked room its next version, and return it."""
    Room.objects.filter(pk=room.pk).update(version=F("version") + 1, **changes)
    _publish(room)
    room.version += 1
    return room.version


def _append(room: Room, kind: str, author: User, **fields: Any) -> Message:
    before = room.messages.filter(seq=room.last_seq).first()
    seq, now = room.last_seq + 1, timezone.now()
    return room.messages.create(
        seq=seq,
        at_version=_touch(room, last_seq=seq),
        kind=kind,
        author=author,
        author_name=author.get_username(),
        at=now,
        previous_at=before.at if before else None,
        follows=before is not None and kind == Kind.MESSAGE and _continues(before, author, now - FOLLOWS_WITHIN),
        **fields,
    )


def _continues(before: Message, author: User, since: Any) -> bool:
    said = before.kind == Kind.MESSAGE and before.retracted_at is None
    return said and before.author_id == author.pk and before.at >= since


def _note(room: Room, user: User, kind: str) -> Message | None:
    with transaction.atomic():
        room = _locked(room)
        comings = room.messages.filter(author=user).exclude(kind=Kind.MESSAGE)
        last = comings.order_by("-seq").values_list("kind", flat=True).first()
        return None if (last or Kind.LEAVE) == kind else _append(room, kind, user)


def _check_retraction(message: Message, by: User) -> None:
    if message.kind != Kind.MESSAGE:
        raise PermissionDenied(_("Only messages can be retracted."))
    if by.is_staff or by.has_perm(RETRACT_PERMISSION):
        return
    if message.author_id != by.pk:
        raise PermissionDenied(_("Only its author can retract this message."))
    if timezone.now() - message.at > RETRACT_WITHIN:
        raise PermissionDenied(_("A message can be retracted for 10 minutes; this one is older."))


def _check_pace(author: User) -> None:
    """Raise ValidationError when the author writes faster than one may, counted over all rooms and processes."""
    most = settings.LIMITS["chat"]
    since = timezone.now() - PACE_WITHIN
    if most and Message.objects.filter(author=author, kind=Kind.MESSAGE, at__gt=since)[:most].count() == most:
        raise ValidationError(_("You write very fast. Wait a few seconds, then send it again."), code="too_fast")


def _publish(room: Room) -> None:
    transaction.on_commit(partial(publish, f"room.{room.slug}"), robust=True)


def _digest(cid: str, body: str) -> str:
    # The body holds no NUL, so the two cannot run into each other.
    return hashlib.blake2b(f"{cid}\0{body}".encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _too_long(length: int) -> str:
    over = length - MAX_LENGTH
    text = ngettext(
        "The message is %(over)d character too long; %(limit)d fit.",
        "The message is %(over)d characters too long; %(limit)d fit.",
        over,
    )
    return text % {"over": over, "limit": MAX_LENGTH}
