"""Rooms and their lines. A line's place in a room is its `seq`, which has no gaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import OuterRef, Q, Subquery
from django.utils.translation import gettext_lazy as _

from live.people import AudienceQuerySet, WithAudience


class RoomQuerySet(AudienceQuerySet):
    def in_order(self) -> RoomQuerySet:
        return self.order_by("position", "name", "pk")

    def with_last_message(self) -> list[Room]:
        """The rooms in order, each with its newest message or None as `last_message`; two queries."""
        newest = Message.objects.filter(room=OuterRef("pk"), kind=Message.Kind.MESSAGE).order_by("-seq")
        rooms = list(self.in_order().annotate(last_id=Subquery(newest.values("pk")[:1])))
        found = Message.objects.in_bulk([room.last_id for room in rooms if room.last_id])
        for room in rooms:
            room.last_message = found.get(room.last_id)
        return rooms


class Room(WithAudience):
    slug = models.SlugField(
        _("short name"), max_length=60, unique=True, help_text=_("Part of the room's address; cannot be changed later.")
    )
    name = models.CharField(_("name"), max_length=80)
    description = models.CharField(
        _("description"), max_length=200, blank=True, help_text=_("What the room is for, in a sentence.")
    )
    position = models.IntegerField(_("position"), default=0, help_text=_("Rooms with lower numbers come first."))
    version = models.BigIntegerField(_("version"), default=0, editable=False)
    last_seq = models.BigIntegerField(_("number of lines"), default=0, editable=False)

    objects: ClassVar = RoomQuerySet.as_manager()

    last_message: Message | None

    class Meta:
        verbose_name = _("room")
        verbose_name_plural = _("rooms")

    def __str__(self) -> str:
        return self.name


class MessageQuerySet(models.QuerySet):
    def newest(self, count: int, *, before: int | None = None) -> Sequence[Message]:
        """At most `count` lines with a seq lower than `before`, oldest first."""
        rows: Any = self if before is None else self.filter(seq__lt=before)
        return list(rows.select_related("retracted_by").order_by("-seq")[:count])[::-1]


class Message(models.Model):
    """A line of a room: something said, or somebody's coming or going. Nobody edits one; retracting keeps the row."""

    class Kind(models.TextChoices):
        MESSAGE = "message", _("message")
        JOIN = "join", _("came")
        LEAVE = "leave", _("went")

    room = models.ForeignKey(Room, models.CASCADE, related_name="messages", verbose_name=_("room"))
    seq = models.BigIntegerField(_("number"))
    at_version = models.BigIntegerField(_("room's version at the last change"))
    kind = models.CharField(_("kind"), max_length=7, choices=Kind.choices, default=Kind.MESSAGE)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="messages", verbose_name=_("author")
    )
    author_name = models.CharField(_("author's name"), max_length=150)
    body = models.TextField(_("text"), blank=True)
    at = models.DateTimeField(_("time"))
    previous_at = models.DateTimeField(_("time of the line before"), null=True)
    follows = models.BooleanField(_("continues the line before"), default=False)
    nonce = models.CharField(_("digest of client id and text"), max_length=32, null=True)  # noqa: DJ001
    retracted_at = models.DateTimeField(_("retracted at"), null=True)
    retracted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("retracted by")
    )

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        permissions = [("retract_message", "Can retract message")]
        constraints = [
            # One order for everybody; its index also pages through the history.
            models.UniqueConstraint(fields=["room", "seq"], name="live_message_seq"),
            # A form that is sent twice stores one message. Lines without a client id have NULL, which never collides.
            models.UniqueConstraint(fields=["room", "author", "nonce"], name="live_message_nonce"),
        ]
        indexes = [
            # What has changed since the version that an open page shows.
            models.Index(fields=["room", "at_version"], name="live_message_changed"),
            # How fast somebody writes, over all rooms.
            models.Index(fields=["author", "at"], name="live_message_pace"),
            # Somebody's last coming or going, however much they have said since.
            models.Index(fields=["room", "author", "seq"], name="live_message_comings", condition=~Q(kind="message")),
        ]

    def __str__(self) -> str:
        return f"#{self.seq}"
