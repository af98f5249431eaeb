"""Announcing, changing, withdrawing. The list's row is locked first, so that commits follow the order of versions."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from live.announcements.models import Announcement, AnnouncementList
from live.push.signals import publish

LIST_ID = 1


def announce(announcement: Announcement, by: User | str) -> None:
    """Store a new announcement, of a person or of a program of that name.

    Raises ValidationError when it ends before it starts.
    """
    author = None if isinstance(by, str) else by
    announcement.author, announcement.author_name = author, author.get_username() if author else str(by)
    change(announcement)


def change(announcement: Announcement) -> None:
    """Store an announcement as it now reads. Raises ValidationError when it ends before it starts."""
    announcement.starts_at = _whole_second(announcement.starts_at)
    announcement.expires_at = announcement.expires_at and _whole_second(announcement.expires_at)
    announcement.clean()
    announcement.changed_at = timezone.now()
    with transaction.atomic():
        _touch_list()
        announcement.save()


def withdraw(announcement: Announcement) -> bool:
    """Take it off all pages; False when that had been done before."""
    now = timezone.now()
    with transaction.atomic():
        _touch_list()
        standing = Announcement.objects.filter(pk=announcement.pk, withdrawn_at=None)
        return standing.update(withdrawn_at=now, changed_at=now) == 1


def remove(announcement: Announcement) -> None:
    with transaction.atomic():
        _touch_list()
        announcement.delete()


def _touch_list() -> None:
    if not AnnouncementList.objects.filter(pk=LIST_ID).update(version=F("version") + 1):
        AnnouncementList.objects.create(pk=LIST_ID, version=1)
    transaction.on_commit(partial(publish, "announcements.all", "schedule.all"), robust=True)


def _whole_second(at: datetime) -> datetime:
    # Pages change by the clock in whole milliseconds; a start between two of them would be looked for in vain.
    return at.replace(microsecond=0)
